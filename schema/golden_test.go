package schema

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The golden messages: testdata/TYPE/accepted and testdata/TYPE/rejected, with the field and
// the rule of each rejected one in testdata/TYPE/rejected.txt, and in testdata/TYPE/later such
// answers as a later edition may give, which are accepted as well.

func TestGoldenMessagesAreAccepted(t *testing.T) {
	t.Parallel()
	for _, m := range messages {
		o := newOracle(t, m.published)
		for _, folder := range m.good() {
			for name, data := range goldenFiles(t, m.name, folder) {
				if err := m.decode(data); err != nil {
					t.Errorf("%s %s %s: %v", m.name, folder, name, err)
				}
				m.agree(t, o, data)
			}
		}
	}
}

// good are the folders of messages that are accepted.
func (m message) good() []string {
	if m.strict {
		return []string{"accepted"}
	}
	return []string{"accepted", "later"}
}

func TestGoldenMessagesAreRejectedForTheirReason(t *testing.T) {
	for _, m := range messages {
		o, wants := newOracle(t, m.published), goldenWants(t, m.name)
		for name, data := range goldenFiles(t, m.name, "rejected") {
			checkRejection(t, m.name+" "+name, m.decode(data), wants[name])
			m.agree(t, o, data)
			delete(wants, name)
		}
		for name := range wants {
			t.Errorf("%s: rejected.txt names %s, which is not there", m.name, name)
		}
	}
}

func checkRejection(t *testing.T, name string, err error, want [2]string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v, want an *Error", name, err)
		return
	}
	if got := [2]string{e.Field, e.Rule.String()}; got != want {
		t.Errorf("%s: field and rule %q, want %q (%v)", name, got, want, err)
	}
}

// Every rule of form has an example among the golden messages; the others are
// about headers and keys.
func TestGoldenMessagesShowEveryRule(t *testing.T) {
	shown := map[string]bool{
		RuleUnknownType.String(): true,
		RuleKeyMismatch.String(): true,
		RuleNotStorable.String(): true,
	}
	for _, m := range messages {
		for _, want := range goldenWants(t, m.name) {
			shown[want[1]] = true
		}
	}
	for _, r := range Rules() {
		if !shown[r.String()] {
			t.Errorf("no golden message breaks %s", r)
		}
	}
}

// What an error says ends up in logs, and a message holds personal data.
func TestErrorsRepeatNoValue(t *testing.T) {
	personal := regexp.MustCompile(`[0-9]{6,}|N4417702|delegate|KNET|HI-88|[0-9]{4}-[0-9]{2}-[0-9]{2}T|[^\x00-\x7f]`)
	for _, m := range messages {
		for name, data := range goldenFiles(t, m.name, "rejected") {
			text := m.decode(data).Error()
			limits := strings.NewReplacer("9007199254740991", "", "100000000", "", "100000", "").Replace(text)
			if found := personal.FindString(limits); found != "" {
				t.Errorf("%s %s: %q in %q", m.name, name, found, text)
			}
		}
	}
}

// goldenFiles reads the messages of a folder.
func goldenFiles(tb testing.TB, name, folder string) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", name, folder, "*.json"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("golden messages of %s, %s: %d files, %v", name, folder, len(paths), err)
	}
	files := make(map[string][]byte, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		files[strings.TrimSuffix(filepath.Base(path), ".json")] = data
	}
	return files
}

// goldenWants reads the field and the rule of each rejected message.
func goldenWants(tb testing.TB, name string) map[string][2]string {
	tb.Helper()
	table, err := os.ReadFile(filepath.Join("testdata", name, "rejected.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	wants := map[string][2]string{}
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		if columns := strings.Fields(lines.Text()); len(columns) == 3 && columns[0] != "#" {
			wants[columns[0]] = [2]string{strings.TrimPrefix(columns[1], "-"), columns[2]}
		}
	}
	return wants
}
