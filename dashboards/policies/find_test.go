package policies

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

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
		fileOf2025:       file(t, fileOf2025, `2249-2025@3`, `2249-2025@4`),
		"archive/a.json": file(t, fileOf2025), "archive/b.json": file(t, fileOf2025, `500000`, `400000`),
	})
	now := set.All()[0].Version
	for _, c := range []struct{ name, asked, want, says string }{
		{"with its digest", now, now, ""},
		{"without", "2249-2025@4", now, ""},
		{"by a day", "2026-01-01", now, ""},
		{"by a day before the first", "2025-12-22", "", "begins on 2025-12-23 (rule E3)"},
		{"several of an edition", "2249-2025@3", "", "give the digest"},
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
