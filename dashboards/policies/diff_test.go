package policies

import (
	"slices"
	"testing"
	"testing/fstest"

	"tajdeed/dashboards/text/texttest"
)

func TestDiffText(t *testing.T) {
	t.Parallel()
	all := builtIn(t).All()
	moved := loaded(t, fstest.MapFS{"a.json": file(t, fileOf2025, `"2249-2025@3"`, `"2249-2025@4"`)}).All()[0]
	ordered := loaded(t, fstest.MapFS{"a.json": file(t, fileOf2025, `"article": 30, "fils_per_year"`, `"article": 0, "fils_per_year"`,
		`"article": 31, "fils_per_year"`, `"article": 30, "fils_per_year"`, `"article": 0, "fils_per_year"`, `"article": 31, "fils_per_year"`)}).All()[0]
	edited := loaded(t, fstest.MapFS{
		fileOf2020: file(t, fileOf2020),
		fileOf2025: file(t, fileOf2025, `"2249-2025@3"`, `"2249-2025@4"`, `500000`, `400000`, `{"article": 30, "fils_per_year": 20000`, `{"article": 31, "relation": "self", "fils_per_year": 20000`),
		"new.json": file(t, fileOf2025, `"2249-2025@3"`, `"77-2027@1"`, `2025-12-23`, `2027-01-01`),
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
		{"the edition", []string{`2249-2025@3`, `2249-2025@4`}, nil},
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
