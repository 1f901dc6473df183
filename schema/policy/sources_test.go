package policy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sourcesFile says what each rule and figure is that the repository cites.
const sourcesFile = "SOURCES.md"

// root is the repository's folder, seen from this package's.
const root = "../.."

// citation is the form of the ids that SOURCES.md gives to epochs (E3), to the source
// article's statements (S4), and to rules and figures (R-PASS-1, FEE-22b).
var citation = regexp.MustCompile(`(?:^|[^\w-])(E[0-3]h?|S[0-9]{1,2}|(?:R|ART|CID|CODE|DOC|FEE|FIG|FINE|FLOW|INS|LIMIT|PAM|QUOTA|TR|TRF)-[0-9A-Za-z]+(?:-[0-9A-Za-z]+)*)\b`)

// cited is an id that a line cites.
type cited struct {
	line int
	id   string
}

func citationsIn(text string) (all []cited) {
	for i, line := range strings.Split(text, "\n") {
		for _, match := range citation.FindAllStringSubmatch(line, -1) {
			all = append(all, cited{line: i + 1, id: match[1]})
		}
	}
	return all
}

// entry is a row of a table in SOURCES.md.
type entry struct {
	line  int
	id    string
	cells map[string]string // by the column's heading
}

// The columns that tests read.
const (
	columnSources = "sources"
	columnProgram = "in the program"
	columnAddress = "address"
)

// entriesIn returns the rows of the tables whose first column is headed id or key.
func entriesIn(text string) (all []entry) {
	var heading []string
	for i, line := range strings.Split(text, "\n") {
		cells, isRow := cellsOf(line)
		switch {
		case !isRow:
			heading = nil
		case heading == nil:
			heading = cells
		case strings.Trim(cells[0], "-:") == "": // the line below the heading
		case heading[0] == "id" || heading[0] == "key":
			e := entry{line: i + 1, id: cells[0], cells: map[string]string{}}
			for j := range min(len(cells), len(heading)) {
				e.cells[heading[j]] = cells[j]
			}
			all = append(all, e)
		}
	}
	return all
}

func cellsOf(line string) (cells []string, isRow bool) {
	inner, starts := strings.CutPrefix(line, "| ")
	inner, ends := strings.CutSuffix(inner, " |")
	if strings.HasPrefix(line, "|---") {
		return []string{"---"}, true
	}
	if !starts || !ends {
		return nil, false
	}
	for cell := range strings.SplitSeq(inner, " | ") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells, true
}

func readEntries(t *testing.T) []entry {
	t.Helper()
	text, err := os.ReadFile(sourcesFile)
	if err != nil {
		t.Fatal(err)
	}
	return entriesIn(string(text))
}

func idsOf(entries []entry) map[string]entry {
	byID := make(map[string]entry, len(entries))
	for _, e := range entries {
		byID[e.id] = e
	}
	return byID
}

// repositoryTexts returns what people read in the repository: source, SQL, documents
// and data, by the path from its root. Folders that a build leaves behind are not it.
func repositoryTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != root && (strings.HasPrefix(name, ".") || name == "bin" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".sql", ".md", ".json", ".yaml", ".yml"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		texts[filepath.ToSlash(relative)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestEveryCitationHasAnEntry(t *testing.T) {
	t.Parallel()
	byID := idsOf(readEntries(t))
	citations, files := 0, 0
	for path, text := range repositoryTexts(t) {
		if path == "schema/policy/sources_test.go" {
			continue // it cites what must not be found
		}
		files++
		for _, c := range citationsIn(text) {
			citations++
			if _, known := byID[c.id]; !known {
				t.Errorf("%s:%d cites %s, which has no row in schema/policy/%s", path, c.line, c.id, sourcesFile)
			}
		}
	}
	if files < 200 || citations < 300 {
		t.Errorf("%d citations read in %d files: the repository was not found", citations, files)
	}
}

func TestNoEntryStandsTwice(t *testing.T) {
	t.Parallel()
	first := map[string]int{}
	for _, e := range readEntries(t) {
		if line, twice := first[e.id]; twice {
			t.Errorf("%s:%d: %s has a row in line %d already", sourcesFile, e.line, e.id, line)
		}
		first[e.id] = e.line
	}
}

// The policy files name a source by its key and carry its address.
func TestEverySourceHasAnEntryWithItsAddress(t *testing.T) {
	t.Parallel()
	entries := readEntries(t)
	byID := idsOf(entries)
	for _, e := range entries {
		sources, has := e.cells[columnSources]
		if !has || sources == "–" {
			continue
		}
		for key := range strings.SplitSeq(sources, ", ") {
			if _, isSource := byID[key].cells[columnAddress]; !isSource {
				t.Errorf("%s:%d: %s names the source %q, which has no address", sourcesFile, e.line, e.id, key)
			}
		}
	}
	for _, name := range files(t) {
		for key, address := range parse(t, name).Sources {
			if known := byID[key].cells[columnAddress]; known != address {
				t.Errorf("%s: source %s is at %s, and in %s at %q", name, key, address, sourcesFile, known)
			}
		}
	}
}

// What a row says of the program is kept true: a rule is marked "policy" exactly where a
// policy file's value names it, a file that is named exists, and nothing that the
// program's code cites is marked "not yet".
func TestEntriesSayWhatTheProgramDoes(t *testing.T) {
	t.Parallel()
	decides := map[string]bool{}
	for _, name := range files(t) {
		e := parse(t, name)
		for _, v := range e.values() {
			decides[v.Rule] = true
		}
	}
	entries := readEntries(t)
	byID := idsOf(entries)
	for rule := range decides {
		if _, known := byID[rule]; !known {
			t.Errorf("a policy's value names the rule %s, which has no row in %s", rule, sourcesFile)
		}
	}
	for _, e := range entries {
		mark, has := e.cells[columnProgram]
		if !has {
			continue
		}
		if decides[e.id] != (mark == "policy") {
			t.Errorf("%s:%d: %s is marked %q; a policy's value names it: %t", sourcesFile, e.line, e.id, mark, decides[e.id])
		}
		if mark == "policy" || mark == "not yet" {
			continue
		}
		for path := range strings.SplitSeq(mark, ", ") {
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(strings.Trim(path, "`")))); err != nil {
				t.Errorf("%s:%d: %s is used in %s: %v", sourcesFile, e.line, e.id, path, err)
			}
		}
	}
	for path, text := range repositoryTexts(t) {
		if strings.HasSuffix(path, "_test.go") || (!strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sql")) {
			continue
		}
		for _, c := range citationsIn(text) {
			if byID[c.id].cells[columnProgram] == "not yet" {
				t.Errorf("%s:%d cites %s, which %s marks as not yet in the program", path, c.line, c.id, sourcesFile)
			}
		}
	}
}

func TestCitationsAreFound(t *testing.T) {
	t.Parallel()
	const text = `// The window (rule R-NEW-9) and the price:
// FEE-22z, S99 and E1, but no KT-FINE, R-, FIRST-5.
/* FIG-A/FIG-B */`
	var got []string
	for _, c := range citationsIn(text) {
		got = append(got, c.id)
	}
	want := []string{"R-NEW-9", "FEE-22z", "S99", "E1", "FIG-A", "FIG-B"}
	if !slices.Equal(got, want) {
		t.Errorf("citations %q, want %q", got, want)
	}
	if at := citationsIn(text)[1].line; at != 2 {
		t.Errorf("FEE-22z stands in line %d, want 2", at)
	}
}

func TestEntriesAreRead(t *testing.T) {
	t.Parallel()
	const text = `| id | rule | in the program |
|---|---|---:|
| R-1 | one | not yet |

| mark | meaning |
|---|---|
| A | no entry |

| key | address |
|---|---|
| KT1 | https://example.org |
| KT1 | again |`
	entries := entriesIn(text)
	if len(entries) != 3 || entries[0].id != "R-1" || entries[0].cells[columnProgram] != "not yet" || entries[2].line != 12 {
		t.Errorf("entries %+v", entries)
	}
}
