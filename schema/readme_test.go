package schema

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// table returns the rows under a heading row of the README, their cells with no
// white space around.
func table(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	_, below, found := strings.Cut(readme(t), "\n"+heading+"\n")
	if !found {
		t.Fatalf("README.md has no table %q", heading)
	}
	for _, line := range strings.Split(below, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		rows = append(rows, cells)
	}
	return rows
}

func TestReadmeHasEveryReason(t *testing.T) {
	var want [][]string
	for _, r := range AllReasons() {
		want = append(want, []string{r.Code(), r.English(), r.Arabic()})
	}
	if got := table(t, "| code | in English | in Arabic |"); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q\nin Go %q", got, want)
	}
}

func TestReadmeHasEveryRule(t *testing.T) {
	var got []string
	for _, row := range table(t, "| rule | what is wrong |") {
		got = append(got, row[0])
	}
	checkNames(t, "rules of the README", got, Rules())
}

func TestReadmeHasEveryHeader(t *testing.T) {
	text := readme(t)
	for _, name := range []string{
		HeaderSpecVersion, HeaderID, HeaderType, HeaderSource, HeaderTime, HeaderContentType,
		HeaderOriginTopic, HeaderOriginPartition, HeaderOriginOffset, HeaderOriginTimestamp,
		HeaderQuarantineRule, HeaderQuarantineField, HeaderQuarantineDetail,
	} {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

func TestReadmeHasEveryDisposition(t *testing.T) {
	var got []string
	for _, row := range table(t, "| you send | `disposition` of the decision | outcome |") {
		got = append(got, row[1])
	}
	checkNames(t, "dispositions of the README", got, Dispositions())
}

func TestReadmeShowsAnApplication(t *testing.T) {
	example := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(readme(t))
	if len(example) != 2 || !json.Valid([]byte(example[1])) {
		t.Fatal("README.md shows no JSON")
	}
	if _, err := DecodeApplication([]byte(example[1])); err != nil {
		t.Error(err)
	}
}

func TestReadmeStatesTheLimits(t *testing.T) {
	text := readme(t)
	accepted, rejected := 0, 0
	for _, m := range messages {
		accepted += len(goldenFiles(t, m.name, "accepted"))
		rejected += len(goldenFiles(t, m.name, "rejected"))
	}
	for _, want := range []string{
		fmt.Sprintf("at most %d bytes of JSON", MaxMessageBytes),
		fmt.Sprintf("at most %d bytes of UTF-8", maxHeader),
		fmt.Sprintf("%d messages that are accepted and %d that are not", accepted, rejected),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}
