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

// The examples are the schemas' first application, second decision and first notice.
func TestReadmeShowsTheExamplesOfTheSchemas(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	want := []json.RawMessage{
		published(t, ApplicationSchema).Examples[0], published(t, DecisionSchema).Examples[1], published(t, UnreadableSchema).Examples[0],
	}
	if len(shown) != len(want) {
		t.Fatalf("README.md shows %d messages, want %d", len(shown), len(want))
	}
	for i := range want {
		if !sameJSON(json.RawMessage(shown[i][1]), want[i]) {
			t.Errorf("%s\nis not the schema's example\n%s", shown[i][1], want[i])
		}
	}
}

// A reader must know every event, the names of both topics, and the form of names to come.
func TestReadmeNamesEventsTopicsAndForms(t *testing.T) {
	t.Parallel()
	text := readme(t)
	topics := Topics{DefaultPrefix}
	for _, name := range []string{
		TypeApplicationSubmitted, TypeDecision, TypeUnreadable, namePattern.String(),
		topics.Submissions("clinic_desk"), topics.Decisions("clinic_desk"), topics.Quarantine(),
	} {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
}

func TestReadmeStatesTheLimits(t *testing.T) {
	text := readme(t)
	accepted, rejected := 0, 0
	for _, m := range messages {
		for _, folder := range m.good() {
			accepted += len(goldenFiles(t, m.name, folder))
		}
		rejected += len(goldenFiles(t, m.name, "rejected"))
	}
	for _, want := range []string{
		fmt.Sprintf("at most %d bytes of JSON", MaxMessageBytes),
		fmt.Sprintf("at most %d characters of UTF-8", maxHeader),
		fmt.Sprintf("%d messages that are accepted and %d that are not", accepted, rejected),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}
