package policies

import (
	"testing"
	"testing/fstest"

	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema/policy"
)

func TestCheckedText(t *testing.T) {
	t.Parallel()
	texttest.Golden(t, "check-ok.txt", Checked(loaded(t, fstest.MapFS{
		"114-2024.json": file(t, "114-2024.json"), fileOf2025: file(t, fileOf2025, `2249-2025@3`, `2249-2025@4`),
		"archive/2249-2025@3.json": file(t, fileOf2025),
	})))
	texttest.Golden(t, "check-remarks.txt", Checked(loaded(t, fstest.MapFS{
		"114-2024.json": file(t, "114-2024.json"),
		fileOf2025:      file(t, fileOf2025, `2025-12-23`, `2025-12-24`, `{"article": 22, "relation": "other_relative"`, `{"article": 22`),
	})))
	_, err := policy.Load(fstest.MapFS{
		fileOf2020: file(t, fileOf2020, `"rule": "FEE-24"`, `"rule": ""`),
		fileOf2025: file(t, fileOf2025, `500000`, `-1`, `"sources": ["KCS"]`, `"sources": []`),
	})
	if err == nil {
		t.Fatal("accepted")
	}
	said, n := Problems(err)
	texttest.Golden(t, "check-problems.txt", said)
	if n != 3 {
		t.Errorf("%d problems, want 3", n)
	}
}
