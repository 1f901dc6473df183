package policies

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

func builtIn(t *testing.T) *policy.Set {
	t.Helper()
	set, err := policy.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The files of the policies that are built in.
const (
	fileOf2020 = "957-2019.json"
	fileOf2025 = "2249-2025.json"
)

// file returns the text of a policy's file, changed by pairs of what stands there and what is to
// stand there.
func file(t *testing.T, name string, changes ...string) *fstest.MapFile {
	t.Helper()
	raw := texttest.Read(t, "../../schema/policy/"+name)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(raw, changes[i]) {
			t.Fatalf("%s has no %s", name, changes[i])
		}
		raw = strings.Replace(raw, changes[i], changes[i+1], 1)
	}
	return &fstest.MapFile{Data: []byte(raw)}
}

func loaded(t *testing.T, files fstest.MapFS) *policy.Set {
	t.Helper()
	set, err := policy.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func day(t *testing.T, s string) schema.Date {
	t.Helper()
	d, err := schema.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func shown(t *testing.T, at string, article schema.Article) *Shown {
	t.Helper()
	s, err := Show(builtIn(t), day(t, at), article)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// jsonOf returns what a report's JSON says.
func jsonOf(t *testing.T, r interface{ WriteJSON(out io.Writer) error }) (object map[string]any) {
	t.Helper()
	var out strings.Builder
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out.String()), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func keys(object any) []string {
	fields, _ := object.(map[string]any)
	return slices.Sorted(maps.Keys(fields))
}

func wantKeys(t *testing.T, what string, object any, want ...string) {
	t.Helper()
	if got := keys(object); !slices.Equal(got, want) {
		t.Errorf("%s has the keys %q, want %q", what, got, want)
	}
}

func TestShownText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden, at string
		article    schema.Article
	}{
		{"show-2020.txt", "2020-05-07", 0},
		{"show-2025.txt", "2025-12-23", 0},
		{"show-article-22.txt", "2026-01-01", 22},
	} {
		t.Run(c.golden, func(t *testing.T) {
			t.Parallel()
			texttest.Golden(t, c.golden, shown(t, c.at, c.article).Text())
		})
	}
}

func TestShownDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, at, edition, until string }{
		{"first day of the first", "2020-01-01", "957-2019@2+", "2025-12-22"},
		{"last day of the first", "2025-12-22", "957-2019@2+", "2025-12-22"},
		{"first day of the last", "2025-12-23", "2249-2025@2+", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := shown(t, c.at, 0)
			if !strings.HasPrefix(s.Version, c.edition) || s.Until != c.until {
				t.Errorf("%s until %q", s.Version, s.Until)
			}
		})
	}
}

func TestShowRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, at string
		article  schema.Article
		says     []string
	}{
		{"a day before the first policy", "2019-12-31", 0, []string{"at: ", "2019-12-31", "begins on 2020-01-01", "rule E1"}},
		{"an article that is not renewed", "2026-01-01", 14, []string{"article 14: ", "17, 18, 19"}},
		{"an article that was not in force yet", "2025-12-22", 25, []string{"article 25: ", "957-2019@2+"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Show(builtIn(t), day(t, c.at), c.article)
			for _, says := range c.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%v, want %q in it", err, says)
				}
			}
		})
	}
}

// Of one article there are its own values and those of all.
func TestShownArticle(t *testing.T) {
	t.Parallel()
	s := shown(t, "2026-01-01", 18)
	var paths []string
	for _, v := range s.Values {
		if v.Article != 0 && v.Article != 18 {
			t.Errorf("%s is shown", v.Path)
		}
		paths = append(paths, v.Path)
	}
	for _, path := range []string{"window.opens_months_before", "limits[article=18].months", "fees[article=18].fils_per_year"} {
		if !slices.Contains(paths, path) {
			t.Errorf("%s is not shown", path)
		}
	}
}

func TestShownJSON(t *testing.T) {
	t.Parallel()
	object := jsonOf(t, shown(t, "2020-05-07", 22))
	wantKeys(t, "the object", object, "addresses", "article", "basis", "day", "from", "until", "values", "version")
	for _, v := range object["values"].([]any) {
		value := v.(map[string]any)
		if value["path"] == "fees[article=22 sponsor_article=18 relation=spouse_or_child].fils_per_year" {
			wantKeys(t, "a fee", value, "article", "confidence", "note", "path", "relation", "rule", "sources", "sponsor_article", "value")
			return
		}
	}
	t.Error("a fee is missing")
}

// Where a value has no source, its sources are an empty list, and every source has its address.
func TestShownSources(t *testing.T) {
	t.Parallel()
	s := shown(t, "2026-01-01", 0)
	for _, v := range s.Values {
		if v.Sources == nil {
			t.Errorf("the sources of %s are null", v.Path)
		}
		for _, key := range v.Sources {
			if s.Addresses[key] == "" {
				t.Errorf("%s has no address", key)
			}
		}
	}
}

func TestDiffText(t *testing.T) {
	t.Parallel()
	all := builtIn(t).All()
	moved := loaded(t, fstest.MapFS{"a.json": file(t, fileOf2025, `"2249-2025@2"`, `"2249-2025@3"`)}).All()[0]
	ordered := loaded(t, fstest.MapFS{"a.json": file(t, fileOf2025, `"article": 30, "fils_per_year"`, `"article": 0, "fils_per_year"`,
		`"article": 31, "fils_per_year"`, `"article": 30, "fils_per_year"`, `"article": 0, "fils_per_year"`, `"article": 31, "fils_per_year"`)}).All()[0]
	edited := loaded(t, fstest.MapFS{
		fileOf2020: file(t, fileOf2020),
		fileOf2025: file(t, fileOf2025, `"2249-2025@2"`, `"2249-2025@3"`, `500000`, `400000`, `{"article": 30, "fils_per_year": 20000`, `{"article": 31, "relation": "self", "fils_per_year": 20000`),
		"new.json": file(t, fileOf2025, `"2249-2025@2"`, `"77-2027@1"`, `2025-12-23`, `2027-01-01`),
	})
	for golden, diff := range map[string]*Diff{
		"diff-epochs.txt":      Compare(all[0], all[1]),
		"diff-same.txt":        Compare(all[0], all[0]),
		"diff-edition.txt":     Compare(all[1], moved),
		"diff-order.txt":       Compare(all[1], ordered),
		"diff-directories.txt": CompareSets(builtIn(t), edited),
	} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			texttest.Golden(t, golden, diff.Text())
		})
	}
}

// What changes in a file is found under the path of what it means, wherever the line stands.
func TestCompare(t *testing.T) {
	t.Parallel()
	const fee24 = "fees[article=24].fils_per_year"
	first := `{"article": 17, "fils_per_year": 20000, "rule": "FEE-17", "sources": ["TK1"], "confidence": "B"},`
	for _, c := range []struct {
		name    string
		changes []string
		want    []Change
	}{
		{"nothing", nil, nil},
		{"the layout", []string{`{"article": 17, "fils`, `{   "article": 17, "fils`}, nil},
		{"the edition", []string{`2249-2025@2`, `2249-2025@3`}, nil},
		{"a fee", []string{`500000`, `400000`}, []Change{{Change: Changed, Path: fee24, Old: "500000", New: "400000", Rule: "FEE-24"}}},
		{
			"a fee that moves to the end", []string{first, ``, `{"article": 31, "fils_per_year"`, first + `{"article": 31, "fils_per_year"`},
			[]Change{{Change: Order, Path: "fees"}},
		},
		{
			"the conditions of a fee", []string{`{"article": 24, "fils`, `{"article": 24, "relation": "self", "fils`},
			[]Change{
				{Change: Removed, Path: fee24, Old: "500000", Rule: "FEE-24"},
				{Change: Added, Path: "fees[article=24 relation=self].fils_per_year", New: "500000", Rule: "FEE-24"},
			},
		},
		{
			"a limit and its rule", []string{`"months": 180, "rule": "LIMIT-21"`, `"months": 120, "rule": "LIMIT-25"`},
			[]Change{{Change: Changed, Path: "limits[article=21].months", Old: "180", New: "120", Rule: "LIMIT-25", OldRule: "LIMIT-21"}},
		},
		{
			"a note only", []string{`Foreign investors: fifteen years.`, `Investors.`},
			[]Change{{Change: Evidence, Path: "limits[article=21].months", Old: "180", New: "180", Rule: "LIMIT-21", Evidence: []string{"note"}}},
		},
		{
			"the basis", []string{`"Decree-Law 114/2024 with Ministerial Resolution 2249/2025"`, `"Law 1"`},
			[]Change{{Change: Changed, Path: "basis", Old: "Decree-Law 114/2024 with Ministerial Resolution 2249/2025", New: "Law 1"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before := loaded(t, fstest.MapFS{"a.json": file(t, fileOf2025)}).All()[0]
			after := loaded(t, fstest.MapFS{"a.json": file(t, fileOf2025, c.changes...)}).All()[0]
			d := Compare(before, after)
			if d.Differs != (len(c.want) > 0) {
				t.Errorf("differs: %v", d.Differs)
			}
			if got := d.Comparisons[0].Changes; !slices.EqualFunc(got, c.want, sameChange) {
				t.Errorf("changes %+v, want %+v", got, c.want)
			}
		})
	}
}

func sameChange(a, b Change) bool {
	return a.Change == b.Change && a.Path == b.Path && a.Old == b.Old && a.New == b.New &&
		a.Rule == b.Rule && a.OldRule == b.OldRule && slices.Equal(a.Evidence, b.Evidence)
}

func TestDiffJSON(t *testing.T) {
	t.Parallel()
	all := builtIn(t).All()
	object := jsonOf(t, Compare(all[0], all[1]))
	wantKeys(t, "the object", object, "comparisons", "differs")
	comparison := object["comparisons"].([]any)[0].(map[string]any)
	wantKeys(t, "a comparison", comparison, "a", "b", "changes")
	wantKeys(t, "a side", comparison["a"], "from", "version")
	for _, c := range comparison["changes"].([]any) {
		if change := c.(map[string]any); change["path"] == "passport_covers_period" {
			wantKeys(t, "a change", change, "change", "evidence", "new", "old", "old_rule", "path", "rule")
		}
	}
	same := jsonOf(t, Compare(all[0], all[0]))
	if changes, is := same["comparisons"].([]any)[0].(map[string]any)["changes"].([]any); !is || len(changes) > 0 || same["differs"] != false {
		t.Errorf("of one policy: %v", same)
	}
}

func TestCompareOperands(t *testing.T) {
	t.Parallel()
	both := loaded(t, fstest.MapFS{fileOf2020: file(t, fileOf2020), fileOf2025: file(t, fileOf2025)})
	early := loaded(t, fstest.MapFS{fileOf2020: file(t, fileOf2020)})
	late := loaded(t, fstest.MapFS{fileOf2025: file(t, fileOf2025, `2025-12-23`, `2030-01-01`)})
	first := both.All()[0]
	for _, c := range []struct {
		name  string
		a, b  Operand
		today string
		want  []string // the editions of both sides
	}{
		{"two policies", Operand{Policy: first}, Operand{Policy: first}, "2026-01-01", []string{"957-2019 957-2019"}},
		{"a policy and the directory's of today", Operand{Policy: first}, Operand{Directory: both}, "2026-01-01", []string{"957-2019 2249-2025"}},
		{"a policy and the directory's of an earlier day", Operand{Policy: first}, Operand{Directory: both}, "2024-01-01", []string{"957-2019 957-2019"}},
		{"directories of one policy each", Operand{Directory: early}, Operand{Directory: late}, "2026-01-01", []string{"957-2019 2249-2025"}},
		{"a directory of several, epoch by epoch", Operand{Directory: early}, Operand{Directory: both}, "2026-01-01", []string{"957-2019 957-2019", "- 2249-2025"}},
		{"the other way", Operand{Directory: both}, Operand{Directory: early}, "2026-01-01", []string{"957-2019 957-2019", "2249-2025 -"}},
		{"nothing in force today", Operand{Policy: first}, Operand{Directory: both}, "2019-01-01", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			diff, err := CompareOperands(c.a, c.b, day(t, c.today))
			if (err != nil) != (c.want == nil) {
				t.Fatal(err)
			}
			var got []string
			if err == nil {
				for _, comparison := range diff.Comparisons {
					got = append(got, resolution(comparison.A)+" "+resolution(comparison.B))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func resolution(s *Side) string {
	if s == nil {
		return "-"
	}
	name, _, _ := strings.Cut(s.Version, "@")
	return name
}

func TestFind(t *testing.T) {
	t.Parallel()
	set := loaded(t, fstest.MapFS{
		fileOf2025:       file(t, fileOf2025, `2249-2025@2`, `2249-2025@3`),
		"archive/a.json": file(t, fileOf2025), "archive/b.json": file(t, fileOf2025, `500000`, `400000`),
	})
	now := set.All()[0].Version
	for _, c := range []struct{ name, asked, want, says string }{
		{"with its digest", now, now, ""},
		{"without", "2249-2025@3", now, ""},
		{"by a day", "2026-01-01", now, ""},
		{"by a day before the first", "2025-12-22", "", "begins on 2025-12-23 (rule E3)"},
		{"several of an edition", "2249-2025@2", "", "give the digest"},
		{"unknown", "2249-2025", "", "the versions are " + now},
		{"no day of the calendar", "2026-02-30", "", "no day"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := Find(set, c.asked)
			switch {
			case c.says == "" && (err != nil || p.Version != c.want):
				t.Errorf("%v, %v", p, err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v, want %q in it", err, c.says)
			}
		})
	}
}

func TestCheckedText(t *testing.T) {
	t.Parallel()
	texttest.Golden(t, "check-ok.txt", Checked(loaded(t, fstest.MapFS{
		fileOf2020: file(t, fileOf2020), fileOf2025: file(t, fileOf2025, `2249-2025@2`, `2249-2025@3`),
		"archive/2249-2025@2.json": file(t, fileOf2025),
	})))
	texttest.Golden(t, "check-remarks.txt", Checked(loaded(t, fstest.MapFS{
		fileOf2020: file(t, fileOf2020),
		fileOf2025: file(t, fileOf2025, `2025-12-23`, `2025-12-24`, `{"article": 22, "relation": "other_relative"`, `{"article": 22`),
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
