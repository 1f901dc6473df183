package policy

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tajdeed/schema"
)

func TestEmbeddedDataIsValid(t *testing.T) {
	if n := len(embeddedSet(t).All()); n < 2 {
		t.Fatalf("%d policies", n)
	}
}

// TestEverySourceIsUsed fails for an address whose last value was removed.
func TestEverySourceIsUsed(t *testing.T) {
	for _, name := range files(t) {
		e := parse(t, name)
		var used []string
		for _, v := range e.values() {
			used = append(used, v.keys()...)
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
	for _, p := range embeddedSet(t).All() {
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
	all := embeddedSet(t).All()
	for _, name := range files(t) {
		e := parse(t, name)
		i := slices.IndexFunc(all, func(p *Policy) bool { return strings.HasPrefix(p.Version, e.Version+"+") })
		if last := i == len(all)-1; last != (e.Until == nil) {
			t.Errorf("%s: until is stated: %v", name, e.Until != nil)
		} else if !last && e.Until.Day != all[i+1].From.AddDays(-1).String() {
			t.Errorf("%s: until %s", name, e.Until.Day)
		}
	}
}

func TestBadDataIsRefused(t *testing.T) {
	good, err := fs.ReadFile(builtIn, "2249-2025.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"unknown field":       {`"basis"`, `"bases"`, "bases"},
		"bad version":         {`"2249-2025@3"`, `"2249/2025"`, "version"},
		"bad day":             {`"2025-12-23"`, `"2025-13-23"`, "from"},
		"no window":           {`"opens_months_before": 2`, `"opens_months_before": 0`, "opens_months_before"},
		"part year":           {`"counts_as_whole": true`, `"counts_as_whole": false`, "counts_as_whole"},
		"no article":          {`{"article": 31, "months"`, `{"article": 131, "months"`, "not one of 1 to 99"},
		"fine without a cap":  {`"most_fils": 600000, `, ``, "most_fils"},
		"no month of a fine":  {`"fine_month": {"days": 30`, `"fine_month": {"days": 0`, "days is not positive"},
		"a reading of nobody": {`"reading": "KWD 2 throughout"`, `"reading": ""`, "other_readings"},
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
		raw, err := fs.ReadFile(builtIn, name)
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
				t.Fatalf("%d policies, %v", len(all.All()), err)
			}
			line := 1 + strings.Count(data[:commonPrefix(data, string(bad.Data))], "\n")
			for _, says := range []string{fmt.Sprintf("policy 2249-2025.json:%d: ", line), c.path, "(rule " + c.rule + ")"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%v, want %q in it", err, says)
				}
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		if all, err := load(fstest.MapFS{}); err == nil || all != nil {
			t.Fatalf("%d policies, %v", len(all.All()), err)
		}
	})
}

func commonPrefix(a, b string) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// What the decoder refuses is told with its line too.
func TestErrorNamesTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, says string }{
		"no JSON":           {"{\n  \"version\": 5x\n}", "policy a.json:2: invalid character"},
		"cut off":           {"{\n  \"version\": \"a\"\n", "policy a.json:"},
		"another type":      {"{\n  \"version\": \"a\",\n  \"limits\": 7\n}", "policy a.json:3: limits is a number, want []policy.limit"},
		"unknown field":     {"{\n  \"version\": \"a\",\n\n  \"fines_\": 7\n}", `policy a.json:4: json: unknown field "fines_"`},
		"unknown in rows":   {"{\n  \"limits\": [\n{\"article\": 17,\n\"moons\": 7}]}", `policy a.json:4: json: unknown field "moons"`},
		"two values":        {"{}\n{}", "policy a.json:2: something follows the policy"},
		"a later value":     {"{\n\"version\": \"a\",\n\"basis\":\n\"\"}", "policy a.json:4: basis: it is missing"},
		"what is not there": {"\n{}", "policy a.json:2: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(fstest.MapFS{"a.json": {Data: []byte(c.text)}}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q in it", err, c.says)
			}
		})
	}
}

// A policy that another took the place of is in force on no day and is still found.
func TestArchive(t *testing.T) {
	t.Parallel()
	before, err := fs.ReadFile(builtIn, "2249-2025.json")
	if err != nil {
		t.Fatal(err)
	}
	now := strings.Replace(string(before), `"2249-2025@3"`, `"2249-2025@4"`, 1)
	set, err := load(fstest.MapFS{"2249-2025.json": {Data: []byte(now)}, "archive/2249-2025@3.json": {Data: before}})
	if err != nil {
		t.Fatal(err)
	}
	p, found := set.On(schema.MaxDate)
	if !found || !strings.HasPrefix(p.Version, "2249-2025@4+") || len(set.All()) != 1 {
		t.Errorf("in force: %v", p)
	}
	old, found := set.Version("2249-2025@3+" + digest(before))
	if !found || old.From != p.From {
		t.Errorf("the archived one: %v, %v", old, found)
	}
	if _, found := set.Version("2249-2025@3"); found {
		t.Error("a version without a digest was found")
	}
}

// What the program decided by before is still built in, and as it was: a decision names it.
func TestBuiltInArchive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"957-2019@2+31c875", "2249-2025@2+c96fee"} {
		if _, found := embeddedSet(t).Version(name); !found {
			t.Errorf("%s is not built in", name)
		}
	}
}

// The digest is of what a file says, not of how it is laid out.
func TestDigest(t *testing.T) {
	t.Parallel()
	if digest([]byte(`{"a": [1, 2]}`)) != digest([]byte("{\r\n\t\"a\":[1,2]\r\n}\n")) {
		t.Error("another layout has another digest")
	}
	if digest([]byte(`{"a": 1}`)) == digest([]byte(`{"a": 2}`)) {
		t.Error("another value has the same digest")
	}
}

// Without policies there is none on any day.
func TestNoSet(t *testing.T) {
	t.Parallel()
	var none *Set
	if _, found := none.On(schema.MaxDate); found {
		t.Error("a policy is in force")
	}
	if _, found := none.Version("2249-2025@3"); found {
		t.Error("a version is known")
	}
}

func embeddedSet(t *testing.T) *Set {
	t.Helper()
	set, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func files(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(builtIn, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func parse(t *testing.T, name string) (e epoch) {
	t.Helper()
	raw, err := fs.ReadFile(builtIn, name)
	if err == nil {
		err = json.Unmarshal(raw, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}
