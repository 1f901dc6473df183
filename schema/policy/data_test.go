package policy

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tajdeed/schema"
)

func TestEmbeddedDataIsValid(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	if len(All()) < 2 {
		t.Fatalf("%d policies", len(All()))
	}
}

// TestEverySourceIsUsed fails for an address whose last value was removed.
func TestEverySourceIsUsed(t *testing.T) {
	for _, name := range files(t) {
		e := parse(t, name)
		var used []string
		for _, v := range e.values() {
			used = append(used, v.Sources...)
		}
		for key := range e.Sources {
			if !slices.Contains(used, key) {
				t.Errorf("%s: source %s is not used", name, key)
			}
		}
	}
}

// TestNoRowIsUnreachable finds a fee that an earlier, wider row hides: the first
// match wins.
func TestNoRowIsUnreachable(t *testing.T) {
	for _, p := range All() {
		for i := range p.fees {
			for j := range i {
				if p.fees[j].covers(p.fees[i].when) {
					t.Errorf("%s: fees[%d] hides fees[%d]", p.Version, j, i)
				}
			}
		}
	}
}

// TestUntilIsTheDayBeforeTheNext checks the day that readers see and the code does not
// use.
func TestUntilIsTheDayBeforeTheNext(t *testing.T) {
	for _, name := range files(t) {
		e := parse(t, name)
		i := slices.IndexFunc(All(), func(p *Policy) bool { return p.Version == e.Version })
		if last := i == len(All())-1; last != (e.Until == nil) {
			t.Errorf("%s: until is stated: %v", name, e.Until != nil)
		} else if !last && e.Until.Day != All()[i+1].From.AddDays(-1).String() {
			t.Errorf("%s: until %s", name, e.Until.Day)
		}
	}
}

func TestBadDataIsRefused(t *testing.T) {
	good, err := fs.ReadFile(epochs, "2249-2025.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"unknown field":       {`"basis"`, `"bases"`, "bases"},
		"bad version":         {`"2249-2025@2"`, `"2249/2025"`, "version"},
		"bad day":             {`"2025-12-23"`, `"2025-13-23"`, "from"},
		"no window":           {`"opens_months_before": 2`, `"opens_months_before": 0`, "opens_months_before"},
		"part year":           {`"counts_as_whole": true`, `"counts_as_whole": false`, "counts_as_whole"},
		"two limits":          {`{"article": 18, "months"`, `{"article": 17, "months"`, "limit already"},
		"price without limit": {`{"article": 17, "fils_per_year"`, `{"article": 16, "fils_per_year"`, "no limit"},
		"negative price":      {`"fils_per_year": 500000`, `"fils_per_year": -1`, "out of range"},
		"no price":            {`"fils_per_year": 500000, `, ``, "missing"},
		"unknown kind":        {`"kuwaiti_household"`, `"household"`, "sponsor_kind"},
		"unknown relation":    {`"other_relative"`, `"cousin"`, "relation"},
		"no rule":             {`"rule": "FEE-24"`, `"rule": ""`, "no rule"},
		"unknown confidence":  {`"confidence": "C"`, `"confidence": "E"`, "confidence"},
		"unknown source":      {`"sources": ["KCS"]`, `"sources": ["KCX"]`, "KCX"},
		"no source":           {`"sources": ["KCS"]`, `"sources": []`, "no source"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), c.old, c.new, 1)
			if bad == string(good) {
				t.Fatalf("the data has no %s", c.old)
			}
			_, err := load(fstest.MapFS{"bad.json": {Data: []byte(bad)}})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want one with %q", err, c.says)
			}
		})
	}
	t.Run("twice the same", func(t *testing.T) {
		if _, err := load(fstest.MapFS{"a.json": {Data: good}, "b.json": {Data: good}}); err == nil {
			t.Fatal("accepted")
		}
	})
}

// What [Check] says of a set with one bad file: which file, which value, which rule.
func TestErrorNamesFileAndRule(t *testing.T) {
	t.Parallel()
	folder := fstest.MapFS{}
	for _, name := range files(t) {
		raw, err := fs.ReadFile(epochs, name)
		if err != nil {
			t.Fatal(err)
		}
		folder[name] = &fstest.MapFile{Data: raw}
	}
	if _, err := load(folder); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	bad := folder["2249-2025.json"]
	for name, c := range map[string]struct{ old, new, path, rule string }{
		"price":        {`"fils_per_year": 500000`, `"fils_per_year": -1`, "fees[", "FEE-24"},
		"sponsor kind": {`"kuwaiti_household"`, `"household"`, "fees[", "FEE-20K"},
		"limit":        {`"article": 18, "months": 60`, `"article": 18, "months": 0`, "limits[1]", "LIMIT-18"},
		"source":       {`"sources": ["KCS"]`, `"sources": []`, "window", "R-EARLY-P"},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(string(bad.Data), c.old, c.new, 1)
			set := maps.Clone(folder)
			set["2249-2025.json"] = &fstest.MapFile{Data: []byte(data)}
			all, err := load(set)
			if err == nil || all != nil {
				t.Fatalf("%d policies, %v", len(all), err)
			}
			for _, says := range []string{"policy 2249-2025.json: ", c.path, "(rule " + c.rule + ")"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%v, want %q in it", err, says)
				}
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		if all, err := load(fstest.MapFS{}); err == nil || all != nil {
			t.Fatalf("%d policies, %v", len(all), err)
		}
	})
}

// A process that did not ask [Check] cannot decide either.
func TestBrokenSetAnswersNothing(t *testing.T) {
	broken, intact := errors.New("broken"), loaded
	loaded = func() ([]*Policy, error) { return nil, broken }
	t.Cleanup(func() { loaded = intact })
	if err := Check(); !errors.Is(err, broken) {
		t.Errorf("checked: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a policy was asked for and nothing happened")
		}
	}()
	On(schema.MaxDate)
}

func files(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(epochs, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func parse(t *testing.T, name string) (e epoch) {
	t.Helper()
	raw, err := fs.ReadFile(epochs, name)
	if err == nil {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}
