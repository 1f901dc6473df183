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
		{"first day of the first", "2020-01-01", "957-2019@3+", "2025-01-04"},
		{"last day of the first", "2025-01-04", "957-2019@3+", "2025-01-04"},
		{"first day of the second", "2025-01-05", "114-2024@1+", "2025-12-22"},
		{"first day of the last", "2025-12-23", "2249-2025@3+", ""},
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
		{"an article that was not in force yet", "2025-12-22", 25, []string{"article 25: ", "114-2024@1+"}},
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
