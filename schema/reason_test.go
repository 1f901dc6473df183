package schema

import (
	"regexp"
	"slices"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Every reason has what a channel shows: a code, and a sentence in each language
// in that language's script.
func TestEveryReasonIsSaidInTwoLanguages(t *testing.T) {
	code := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, r := range AllReasons() {
		for _, text := range []string{r.Code(), r.English(), r.Arabic()} {
			if text == "" || seen[text] || utf8.RuneCountInString(text) > maxReasonText {
				t.Errorf("%d: %q is empty, too long or another reason's as well", r, text)
			}
			seen[text] = true
		}
		if !code.MatchString(r.Code()) {
			t.Errorf("code %q", r.Code())
		}
		checkScript(t, r.English(), unicode.Latin)
		checkScript(t, r.Arabic(), unicode.Arabic)
	}
}

// checkScript fails where a text has a letter of another script or no full stop.
func checkScript(t *testing.T, text string, script *unicode.RangeTable) {
	t.Helper()
	for _, r := range text {
		if unicode.IsLetter(r) && !unicode.Is(script, r) {
			t.Errorf("%q: %q is of another script", text, r)
		}
	}
	if text == "" || text[len(text)-1] != '.' {
		t.Errorf("%q is no sentence", text)
	}
}

func TestReasonCodesAreRead(t *testing.T) {
	for _, r := range AllReasons() {
		if got, ok := ParseReason(r.Code()); !ok || got != r {
			t.Errorf("%s: %d, %t, want %d", r.Code(), got, ok, r)
		}
	}
	for _, code := range []string{"", "no_such_reason", "FEE_MISSING"} {
		if r, ok := ParseReason(code); ok {
			t.Errorf("%q: %d", code, r)
		}
	}
}

func TestReasonsAreASet(t *testing.T) {
	var s Reasons
	for _, r := range []Reason{ReasonFeeMissing, ReasonCivilIDInvalid, ReasonApplicationConflict, ReasonFeeMissing} {
		s.Add(r)
	}
	if s.Len() != 3 || !s.Has(ReasonFeeMissing) || s.Has(ReasonFeeMismatch) {
		t.Errorf("%d reasons: %v", s.Len(), s.Codes())
	}
	if want := []string{"civil_id_invalid", "fee_missing", "application_conflict"}; !slices.Equal(s.Codes(), want) {
		t.Errorf("%v, want %v in the set's order", s.Codes(), want)
	}
	for range s.All() {
		break // stopping early must be safe
	}
}

// Each reason has a bit of its own.
func TestReasonsHoldAll(t *testing.T) {
	t.Parallel()
	var s Reasons
	for _, r := range AllReasons() {
		s.Add(r)
	}
	if got := slices.Collect(s.All()); !slices.Equal(got, AllReasons()) || s.Len() != len(AllReasons()) {
		t.Errorf("%d reasons: %v", s.Len(), got)
	}
}

// Each name of a set is read as it is written, and no other name is.
func TestNamedSetsAreReadBack(t *testing.T) {
	checkSet(t, Kinds(), ParseKind)
	checkSet(t, Rules(), parseRule)
	checkSet(t, Outcomes(), ParseOutcome)
	checkSet(t, Dispositions(), ParseDisposition)
	checkSet(t, SponsorKinds(), ParseSponsorKind)
	checkSet(t, Relations(), ParseRelation)
}

type set interface {
	comparable
	String() string
}

func checkSet[E set](t *testing.T, all []E, parse func(string) (E, bool)) {
	t.Helper()
	var none E
	for _, e := range all {
		if got, ok := parse(e.String()); !ok || got != e || e == none {
			t.Errorf("%q: %v, %t, want %v", e.String(), got, ok, e)
		}
	}
	if _, ok := parse(""); ok || len(all) == 0 {
		t.Errorf("the empty name is a member, or there is none: %v", all)
	}
}
