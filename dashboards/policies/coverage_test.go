package policies

import (
	"testing"

	"tajdeed/dashboards/text/texttest"
)

func TestCoverageText(t *testing.T) {
	t.Parallel()
	c, err := Cover()
	if err != nil {
		t.Fatal(err)
	}
	texttest.Golden(t, "coverage.txt", c.Text())
}

func TestCoverageJSON(t *testing.T) {
	t.Parallel()
	c, err := Cover()
	if err != nil {
		t.Fatal(err)
	}
	object := jsonOf(t, c)
	wantKeys(t, "the object", object, "rules")
	for _, rule := range object["rules"].([]any) {
		wantKeys(t, "a rule", rule, "case", "confidence", "function", "id", "remark", "state")
	}
}
