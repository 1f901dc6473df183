package extract_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tajdeed/schema/extract"
)

const (
	sponsorLine   = `{"record":"sponsor","sponsor_id":"204118336","kind":"company"}`
	residentLine  = `{"record":"resident","civil_id":"291030104196","passport_number":"N4417702","passport_country":"IND","passport_expires_on":"2030-07-14"}`
	residencyLine = `{"record":"residency","civil_id":"291030104196","article":18,"sponsor_id":"204118336","relation":"employee","expires_on":"2026-02-19"}`
)

// badLine is a line and what must be said of it.
type badLine struct {
	name, line string
	field      string
	rule       extract.Rule
}

func TestBadNDJSON(t *testing.T) {
	swap := func(line, old, with string) string {
		if !strings.Contains(line, old) {
			t.Fatalf("%s holds no %s", line, old)
		}
		return strings.Replace(line, old, with, 1)
	}
	for _, c := range []badLine{
		{"empty", "", "", extract.RuleEmpty},
		{"only a carriage return", "\r", "", extract.RuleEmpty},
		{"too long", sponsorLine + strings.Repeat(" ", extract.MaxLineBytes), "", extract.RuleOversize},
		{"longer than the buffer", strings.Repeat("x", 1<<20), "", extract.RuleOversize},
		{"bad UTF-8", swap(sponsorLine, "company", "compan\xff"), "", extract.RuleBadUTF8},
		{"no object", `["record"]`, "", extract.RuleNotJSON},
		{"byte order mark", "\ufeff" + sponsorLine, "", extract.RuleNotJSON},
		{"unfinished object", sponsorLine[:len(sponsorLine)-1], "", extract.RuleNotJSON},
		{"unfinished string", sponsorLine[:20], "", extract.RuleNotJSON},
		{"trailing bytes", sponsorLine + "{}", "", extract.RuleNotJSON},
		{"trailing comma", swap(sponsorLine, `"company"}`, `"company",}`), "", extract.RuleNotJSON},
		{"escape", swap(sponsorLine, "company", `c\u006fmpany`), "", extract.RuleNotJSON},
		{"nesting", swap(sponsorLine, `"company"`, `{"is":"company"}`), "", extract.RuleWrongType},
		{"null", swap(sponsorLine, `"company"`, `null`), "", extract.RuleWrongType},
		{"fraction", swap(residencyLine, `18,`, `18.5,`), "", extract.RuleNotJSON},
		{"leading zero", swap(residencyLine, `18,`, `018,`), "", extract.RuleNotJSON},
		{"no record", swap(sponsorLine, `"record":"sponsor",`, ``), "record", extract.RuleMissingField},
		{"unknown record", swap(sponsorLine, `"sponsor",`, `"patron",`), "record", extract.RuleNotInSet},
		{"record twice", swap(sponsorLine, `{`, `{"record":"sponsor",`), "record", extract.RuleDuplicateField},
		{"record a number", swap(sponsorLine, `"sponsor",`, `1,`), "record", extract.RuleWrongType},
		{"unknown field", swap(sponsorLine, `}`, `,"name":"x"}`), "", extract.RuleUnknownField},
		{"another record's field", swap(sponsorLine, `}`, `,"relation":"self"}`), "", extract.RuleUnknownField},
		{"too many fields", swap(residencyLine, `}`, `,"a":1,"b":2}`), "", extract.RuleUnknownField},
		{"field twice", swap(sponsorLine, `}`, `,"kind":"company"}`), "kind", extract.RuleDuplicateField},
		{"missing field", swap(sponsorLine, `,"kind":"company"`, ``), "kind", extract.RuleMissingField},
		{"number for a string", swap(sponsorLine, `"204118336"`, `204118336`), "sponsor_id", extract.RuleWrongType},
		{"string for a number", swap(residencyLine, `18,`, `"18",`), "article", extract.RuleWrongType},
		{"sponsor of eight digits", swap(sponsorLine, `204118336`, `20411833`), "sponsor_id", extract.RuleBadFormat},
		{"sponsor with a leading zero", swap(sponsorLine, `204118336`, `004118336`), "sponsor_id", extract.RuleBadFormat},
		{"sponsor with a letter", swap(sponsorLine, `204118336`, `20411833O`), "sponsor_id", extract.RuleBadFormat},
		{"unknown kind", swap(sponsorLine, `company`, `firm`), "kind", extract.RuleNotInSet},
		{"empty kind", swap(sponsorLine, `company`, ``), "kind", extract.RuleNotInSet},
		{"civil id of eleven digits", swap(residentLine, `291030104196`, `29103010419`), "civil_id", extract.RuleBadFormat},
		{"civil id with a bad check digit", swap(residentLine, `291030104196`, `291030104197`), "civil_id", extract.RuleBadCivilID},
		{"civil id with no birth date", swap(residentLine, `291030104196`, `300000000005`), "civil_id", extract.RuleBadCivilID},
		{"passport in small letters", swap(residentLine, `N4417702`, `n4417702`), "passport_number", extract.RuleBadFormat},
		{"passport too short", swap(residentLine, `N4417702`, `N441`), "passport_number", extract.RuleBadFormat},
		{"country of two letters", swap(residentLine, `IND`, `IN`), "passport_country", extract.RuleBadFormat},
		{"no day of the calendar", swap(residentLine, `2030-07-14`, `2030-02-30`), "passport_expires_on", extract.RuleBadFormat},
		{"date with a time", swap(residentLine, `2030-07-14`, `2030-07-14T00:00:00Z`), "passport_expires_on", extract.RuleBadFormat},
		{"date out of range", swap(residentLine, `2030-07-14`, `9999-12-31`), "passport_expires_on", extract.RuleOutOfRange},
		{"article 0", swap(residencyLine, `18,`, `0,`), "article", extract.RuleOutOfRange},
		{"article 100", swap(residencyLine, `18,`, `100,`), "article", extract.RuleOutOfRange},
		{"article below 0", swap(residencyLine, `18,`, `-1,`), "article", extract.RuleOutOfRange},
		{"unknown relation", swap(residencyLine, `employee`, `cousin`), "relation", extract.RuleNotInSet},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantBad(t, open(t, file(t, "r.ndjson", c.line+"\n"+sponsorLine+"\n")), c, 1)
		})
	}
}

func TestWhiteSpaceAndOrderOfFieldsAreFree(t *testing.T) {
	wantAll(t, open(t, file(t, "r.ndjson",
		" { \"kind\" : \"resident\",\t\"article\" : 18 , \"sponsor_id\":\"318200457\", \"record\":\"sponsor\" } \r\n"+
			residentLine)), // no end of line
		father, worker)
}

func TestRecordsOutOfPlace(t *testing.T) {
	t.Run("a sponsor after a resident", func(t *testing.T) {
		wantBad(t, open(t, file(t, "r.ndjson", residentLine+"\n"+sponsorLine+"\n")), badLine{field: "record", rule: extract.RuleOutOfOrder}, 2)
	})
	t.Run("a resident in the file of sponsors", func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, "sponsors.ndjson", residentLine+"\n")
		put(t, dir, "residents.ndjson", "")
		put(t, dir, "residencies.ndjson", "")
		wantBad(t, open(t, dir), badLine{field: "record", rule: extract.RuleWrongRecord}, 1)
	})
}

// csvSponsors is an extract of sponsors only.
func csvSponsors(t *testing.T, content string) *extract.Extract {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "sponsors.csv", content)
	put(t, dir, "residents.csv", "civil_id,passport_number,passport_country,passport_expires_on\n")
	put(t, dir, "residencies.csv", "civil_id,article,sponsor_id,relation,expires_on\n")
	return open(t, dir)
}

func TestCSV(t *testing.T) {
	wantAll(t, csvSponsors(t, "kind,sponsor_id,article\r\n\"company\",204118336,\r\nresident,\"318200457\",18"), company, father)
}

func TestBadCSV(t *testing.T) {
	for _, c := range []badLine{
		{"too few columns", "204118336,company", "", extract.RuleWrongColumns},
		{"too many columns", "204118336,company,,", "", extract.RuleWrongColumns},
		{"empty line", "", "", extract.RuleEmpty},
		{"missing field", "204118336,,18", "kind", extract.RuleMissingField},
		{"quote inside", `204118336,com"pany,18`, "", extract.RuleNotCSV},
		{"comma inside quotes", `204118336,"com,pany",18`, "", extract.RuleNotCSV},
		{"quote not closed", `204118336,"company,18`, "", extract.RuleNotCSV},
		{"quote twice in a cell", `204118336,"com""pany",18`, "", extract.RuleNotCSV},
		{"two carriage returns", "204118336,company,18\r\r", "article", extract.RuleBadFormat},
		{"space before a value", "204118336, company,18", "kind", extract.RuleNotInSet},
		{"article with a plus", "204118336,company,+18", "article", extract.RuleBadFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantBad(t, csvSponsors(t, "sponsor_id,kind,article\n"+c.line+"\n"), c, 2)
		})
	}
}

// encoding/csv would read on to the next quote, through the whole file.
func TestQuoteThatIsNotClosedEndsWithItsLine(t *testing.T) {
	t.Parallel()
	e := csvSponsors(t, "sponsor_id,kind,article\n204118336,\"company,\n318200457,resident,18\n")
	var bad []int
	var got []any
	for r, err := range e.Records() {
		if err != nil {
			bad = append(bad, r.Line)
			continue
		}
		got = append(got, content(r))
	}
	if !slices.Equal(bad, []int{2}) || !reflect.DeepEqual(got, []any{father}) {
		t.Fatalf("bad lines %v, read %v", bad, got)
	}
}

func TestBadHeaderEndsAll(t *testing.T) {
	for name, c := range map[string]badLine{
		"empty file":      {line: "", field: ""},
		"empty line":      {line: "\n", field: ""},
		"byte order mark": {line: "\ufeffsponsor_id,kind,article\n", field: ""},
		"unknown column":  {line: "sponsor_id,kind,article,name\n", field: ""},
		"column twice":    {line: "sponsor_id,kind,kind\n", field: "kind"},
		"missing column":  {line: "sponsor_id,kind\n", field: "article"},
		"no header":       {line: "204118336,company,18\n", field: ""},
		"quote in a name": {line: "sponsor_id,ki\"nd,article\n", field: ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := csvSponsors(t, c.line)
			c.rule = extract.RuleBadHeader
			wantBad(t, e, c, 1)
			_, err := e.Check(t.Context(), func(*extract.Record, *extract.LineError) error { return nil })
			if _, ok := errors.AsType[*extract.LineError](err); !ok {
				t.Fatalf("check: %v", err)
			}
		})
	}
}

// wantBad wants exactly one bad line, and no value of it in what is said.
func wantBad(t *testing.T, e *extract.Extract, want badLine, line int) {
	t.Helper()
	var bad []*extract.LineError
	for _, err := range e.Records() {
		if wrong, ok := errors.AsType[*extract.LineError](err); ok {
			bad = append(bad, wrong)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if len(bad) != 1 {
		t.Fatalf("bad lines: %v", bad)
	}
	got := bad[0]
	if got.Field != want.field || got.Rule != want.rule || got.Line != line || got.Detail == "" {
		t.Fatalf("%v, want line %d, field %q, rule %q", got, line, want.field, want.rule)
	}
	for _, value := range []string{"204118336", "20411833", "291030104", "N441", "n441", "2030", "firm", "patron", "cousin"} {
		if strings.Contains(got.Error(), value) {
			t.Fatalf("%v holds a value", got)
		}
	}
}

func TestUnknownFieldThatIsAValueIsNotNamed(t *testing.T) {
	for r, err := range open(t, file(t, "r.ndjson", `{"record":"sponsor","291030104196":1}`)).Records() {
		if err == nil || strings.Contains(err.Error(), "2910") {
			t.Fatalf("%v, %v", r, err)
		}
	}
}

// The operator may want the bad line, whatever a parser did with its bytes.
func TestRecordHasTheBadLine(t *testing.T) {
	t.Parallel()
	line := strings.Replace(residencyLine, "employee", "cousin", 1)
	for r, err := range open(t, file(t, "r.ndjson", line+"\n")).Records() {
		if err == nil || string(r.Raw) != line {
			t.Errorf("%v: %q", err, r.Raw)
		}
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "sponsors.csv", "sponsor_id,kind,article\n204118336,company,\n204118336,company,\n318200457,nobody,\n")
	put(t, dir, "residents.csv", "civil_id,passport_number,passport_country,passport_expires_on\n"+
		"291030104196,N4417702,IND,2030-07-14\n304022600325,A01234567,EGY,2029-02-28\n291030104196,N4417702,IND,2030-07-14\n")
	put(t, dir, "residencies.csv", "civil_id,article,sponsor_id,relation,expires_on\n"+
		"304022600325,22,318200457,spouse_or_child,2026-03-31\n"+ // its sponsor's line is bad
		"279040907388,18,204118336,employee,2026-02-19\n"+ // nobody
		"291030104196,18,204118336,employee,2026-02-19\n"+
		"291030104196,18,204118336,employee,2027-02-19\n")
	e := open(t, dir)
	var bad []string
	census, err := e.Check(t.Context(), func(r *extract.Record, wrong *extract.LineError) error {
		if r.File != wrong.File || r.Line != wrong.Line || len(r.Raw) == 0 {
			t.Errorf("record %s:%d of %v", r.File, r.Line, wrong)
		}
		wrong.Detail = ""
		bad = append(bad, strings.TrimSuffix(wrong.Error(), ": "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `sponsors.csv:3: sponsor_id: duplicate_key
sponsors.csv:4: kind: not_in_set
residents.csv:4: civil_id: duplicate_key
residencies.csv:2: sponsor_id: unknown_sponsor
residencies.csv:3: civil_id: unknown_resident
residencies.csv:5: civil_id: duplicate_key`
	if got := strings.Join(bad, "\n"); got != want {
		t.Fatalf("bad lines:\n%s\nwant:\n%s", got, want)
	}
	if census.Sponsors != 1 || census.Residents != 2 || census.Residencies != 1 || census.Bad != 6 {
		t.Fatalf("%+v", census)
	}
	var good int64
	for _, err := range e.Good(census) {
		if err != nil {
			t.Fatal(err)
		}
		good++
	}
	if good != census.Records() {
		t.Fatalf("%d good records of %d", good, census.Records())
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("stop")
	cancel(reason)
	_, err := open(t, file(t, "r.ndjson", sponsorLine)).Check(ctx, nil)
	if !errors.Is(err, reason) {
		t.Fatal(err)
	}
}
