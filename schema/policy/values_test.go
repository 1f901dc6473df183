package policy

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tajdeed/schema"
)

// Every value of a file is kept with its rule, under a path that no other value has.
func TestValuesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	for _, name := range files(t) {
		e := parse(t, name)
		p := embeddedSet(t).Named(e.Version)[0]
		rules := map[string]int{}
		for _, v := range p.Values() {
			rules[v.Rule]++
			if v.Path == "" || v.Value == "" || v.Confidence == "" {
				t.Errorf("%s: %+v", name, v)
			}
			for _, key := range v.Sources {
				if p.Addresses()[key] == "" {
					t.Errorf("%s: %s names the source %s, which has no address", name, v.Path, key)
				}
			}
		}
		for path, v := range e.values() {
			if rules[v.Rule] == 0 {
				t.Errorf("%s: %s (rule %s) is not among the values", name, path, v.Rule)
			}
		}
		paths := pathsOf(p)
		want := len(e.values()) + 1 // the bounds of the submission are two values of one rule
		for i := range e.Fines {
			want += len(e.Fines[i].listed()) - 1 // as are those of a fine
		}
		if n := len(paths); n != want {
			t.Errorf("%s: %d values, the file has %d", name, n, want)
		}
		if slices.Sort(paths); len(slices.Compact(paths)) != len(p.Values()) {
			t.Errorf("%s: two values have one path", name)
		}
	}
}

func pathsOf(p *Policy) (paths []string) {
	for _, v := range p.Values() {
		paths = append(paths, v.Path)
	}
	return paths
}

func TestPathsSayWhatAValueMeans(t *testing.T) {
	t.Parallel()
	p := embeddedSet(t).Named("2249-2025@3")[0]
	for path, want := range map[string]string{
		"from.day":                                            "2025-12-23",
		"submission.ahead_minutes":                            "5",
		"passport_covers_period":                              "false",
		"limits[article=21].months":                           "180",
		"fees[article=24].fils_per_year":                      "500000",
		"fees[article=20 sponsor_kind=mission].fils_per_year": "50000",
		"fees[article=22 sponsor_article=24 relation=spouse_or_child].fils_per_year": "100000",
	} {
		i := slices.Index(pathsOf(p), path)
		if i < 0 || p.Values()[i].Value != want {
			t.Errorf("%s is not %s", path, want)
		}
	}
}

func TestConcerns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		when    Case
		article schema.Article
		want    bool
	}{
		{"of all articles", Case{}, 18, true},
		{"of its own", Case{Article: 18}, 18, true},
		{"of another", Case{Article: 22, SponsorArticle: 18}, 18, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if v := (Value{When: c.when}); v.Concerns(c.article) != c.want {
				t.Errorf("%v, want %v", !c.want, c.want)
			}
		})
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	set := embeddedSet(t)
	first, last := set.All()[0], set.All()[len(set.All())-1]
	if day, ends := set.Until(first); !ends || day.String() != "2025-01-04" {
		t.Errorf("the first ends %v on %s", ends, day)
	}
	for name, p := range map[string]*Policy{"the last": last, "one of another set": {}} {
		if day, ends := set.Until(p); ends {
			t.Errorf("%s ends on %s", name, day)
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	raw := readBuiltIn(t, "2249-2025.json")
	newer := strings.Replace(raw, `"2249-2025@3"`, `"2249-2025@4"`, 1)
	changed := strings.Replace(raw, `500000`, `400000`, 1)
	set, err := load(fstest.MapFS{
		"2249-2025.json": {Data: []byte(newer)}, "archive/a.json": {Data: []byte(raw)}, "archive/b.json": {Data: []byte(changed)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		want int
	}{
		{"2249-2025@4", 1}, {"2249-2025@3", 2}, {"2249-2025@3+" + digest([]byte(raw)), 1},
		{"2249-2025", 0}, {"2249-2025@3+000000", 0}, {"", 0},
	} {
		if got := len(set.Named(c.name)); got != c.want {
			t.Errorf("%q names %d policies, want %d", c.name, got, c.want)
		}
	}
	if got := (*Set)(nil).Named("2249-2025@4"); got != nil {
		t.Errorf("no set: %v", got)
	}
}

func TestRemarks(t *testing.T) {
	t.Parallel()
	early, late := readBuiltIn(t, "114-2024.json"), readBuiltIn(t, "2249-2025.json")
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"none", map[string]string{"a": early, "b": late}, nil},
		{"a last day without a next policy", map[string]string{"a": early}, []string{"ends on 2025-12-22, and no policy follows"}},
		{
			"another last day", map[string]string{"a": early, "b": strings.Replace(late, "2025-12-23", "2025-12-24", 1)},
			[]string{"ends on 2025-12-22; the next policy makes it end on 2025-12-23"},
		},
		{
			"a fee that another one hides", map[string]string{"b": strings.Replace(late, `{"article": 22, "relation": "other_relative"`, `{"article": 22`, 1)},
			[]string{"fees[article=22 sponsor_article=17 relation=spouse_or_child] is never the price: fees[article=22] stands before it"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := fstest.MapFS{}
			for name, text := range c.files {
				folder[name+".json"] = &fstest.MapFile{Data: []byte(text)}
			}
			set, err := load(folder)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(set.Remarks(), "\n")
			for _, says := range c.want {
				if !strings.Contains(got, says) {
					t.Errorf("%q, want %q in it", got, says)
				}
			}
			if c.want == nil && got != "" {
				t.Errorf("%q, want none", got)
			}
		})
	}
}

// What is wrong with the archive is told together with what is wrong with the others.
func TestErrorsOfBothFoldersAreTold(t *testing.T) {
	t.Parallel()
	_, err := load(fstest.MapFS{"a.json": {Data: []byte("{")}, "archive/b.json": {Data: []byte("[")}})
	if err == nil || !strings.Contains(err.Error(), "policy a.json:1: ") || !strings.Contains(err.Error(), "policy archive/b.json:1: ") {
		t.Errorf("%v", err)
	}
}

func readBuiltIn(t *testing.T, name string) string {
	t.Helper()
	raw, err := builtIn.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
