// Package texttest holds reports to what a terminal can show, and to files that say what
// they should look like.
package texttest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Update says whether files that hold what is expected are to be written anew.
func Update() bool { return *update }

// Columns is the widest that a line of a report may be.
const Columns = 100

// Fits fails the test where a line of a report is wider than [Columns], or no UTF-8.
func Fits(t testing.TB, report string) {
	t.Helper()
	for line := range strings.Lines(report) {
		if width := text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")); width > Columns || !utf8.ValidString(line) {
			t.Errorf("a line is %d columns wide: %s", width, line)
		}
	}
}

// Golden fails the test where a report is not what a file of the test's testdata holds.
func Golden(t testing.TB, name, report string) {
	t.Helper()
	Fits(t, report)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := Read(t, path); report != want {
		t.Errorf("the report is not %s (-update writes it anew):\n%s", path, report)
	}
}

// Read returns a file's text.
func Read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
