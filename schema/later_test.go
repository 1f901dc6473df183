package schema

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// What a later edition may answer is read by this one: what it knows as always, the rest by
// its name.

func TestDecisionsOfLaterEditionsAreRead(t *testing.T) {
	t.Parallel()
	files := goldenFiles(t, "decision", "later")
	for name, c := range map[string]struct {
		disposition Disposition
		outcome     Outcome
		kind        Kind
		reasons     []string
		revision    int
	}{
		"01_pending":                   {"first", "pending", "renewal", nil, 1},
		"02_approved_after_pending":    {"settled", "approved", "renewal", nil, 2},
		"03_pending_with_reasons":      {"first", "pending", "renewal", []string{"evidence_awaited"}, 1},
		"04_rejected_after_pending":    {"settled", "rejected", "renewal", []string{"evidence_late"}, 3},
		"05_new_reason_beside_known":   {"first", "rejected", "renewal", []string{"fee_missing", "sponsor_blocked", "evidence_late"}, 1},
		"06_only_new_reasons":          {"first", "rejected", "renewal", []string{"sponsor_blocked"}, 1},
		"07_reason_twice_with_fields":  {"first", "rejected", "renewal", []string{"fee_missing", "sponsor_blocked"}, 1},
		"08_new_outcome_with_expiry":   {"first", "expired", "renewal", []string{"fee_missing", "insurance_missing"}, 1},
		"09_new_kind":                  {"first", "approved", "withdrawal", nil, 1},
		"10_new_kind_with_reasons":     {"first", "approved", "transfer", []string{"sponsor_blocked"}, 1},
		"11_longest_names":             {Disposition(strings.Repeat("d", 64)), Outcome(strings.Repeat("o", 64)), Kind(strings.Repeat("k_9", 21) + "x"), []string{strings.Repeat("c", 64)}, 1},
		"12_more_fields":               {"first", "rejected", "renewal", []string{"fee_missing", "insurance_missing"}, 1},
		"13_more_fields_of_every_form": {"first", "rejected", "renewal", []string{"fee_missing", "insurance_missing"}, 1},
		"14_simulated":                 {"first", "approved", "renewal", nil, 1},
	} {
		d, err := DecodeDecision(files[name])
		if err != nil || d.Disposition != c.disposition || d.Outcome != c.outcome || d.Kind != c.kind || d.Revision != c.revision || !slices.Equal(d.ReasonCodes(), c.reasons) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
		delete(files, name)
	}
	for name := range files {
		t.Errorf("%s is not looked at", name)
	}
}

func TestNoticesOfLaterEditionsAreRead(t *testing.T) {
	t.Parallel()
	files := goldenFiles(t, "unreadable", "later")
	for name, want := range map[string]Unreadable{
		"01_new_rule":        {Rule: "attachment_missing", Field: "attachments[0]", Revision: 1},
		"02_more_fields":     {Rule: RuleWrongType, Field: "fee.amount_fils", Revision: 1},
		"03_higher_revision": {Rule: RuleWrongType, Field: "fee.amount_fils", Revision: 2, Simulation: true},
		"04_longest_rule":    {Rule: Rule(strings.Repeat("r", 64)), Field: "fee.amount_fils", Revision: 1},
	} {
		u, err := DecodeUnreadable(files[name])
		got := Unreadable{Rule: u.Rule, Field: u.Field, Revision: u.Revision, Simulation: u.Simulation}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
		delete(files, name)
	}
	for name := range files {
		t.Errorf("%s is not looked at", name)
	}
}

// event is a golden message with its key and headers.
type event struct {
	Key     *string
	Headers map[string]string
	Data    json.RawMessage
}

// An event of another type is passed over, whatever its data and its other headers are.
func TestEventsOfLaterEditionsArePassedOver(t *testing.T) {
	t.Parallel()
	for name, data := range goldenFiles(t, "event", "later") {
		var e event
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatal(err)
		}
		var key []byte
		if e.Key != nil {
			key = []byte(*e.Key)
		}
		answer, err := ReadAnswer(key, e.Data, asHeaders(e.Headers))
		if err != nil || answer.Type != e.Headers[HeaderType] || answer.Cause() != (Position{}) {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
}

// What this edition knows must be as it was published, in its own headers too.
func TestAnswersOfThisEditionAreHeldToTheirHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []Header
		field   string
		rule    Rule
	}{
		"no headers":              {nil, HeaderSpecVersion, RuleMissingField},
		"no type":                 {slices.Delete(headers(TypeDecision), 2, 3), HeaderType, RuleMissingField},
		"type twice":              {append(headers(TypeDecision), Header{HeaderType, []byte("x")}), HeaderType, RuleDuplicateField},
		"decision not in JSON":    {replaced(headers(TypeDecision), HeaderContentType, "text/plain"), HeaderContentType, RuleNotInSet},
		"notice of another event": {replaced(headers(TypeUnreadable), HeaderSpecVersion, "2.0"), HeaderSpecVersion, RuleNotInSet},
		"decision read as notice": {headers(TypeUnreadable), "rule", RuleMissingField},
	} {
		a, err := ReadAnswer([]byte("291030104196"), []byte(decisionJSON), c.headers)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Field != c.field || e.Rule != c.rule || a.Type != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func replaced(list []Header, name, value string) []Header {
	for i := range list {
		if list[i].Key == name {
			list[i].Value = []byte(value)
		}
	}
	return list
}

// Reading passes over a field of a later edition at little cost: the names that passed and
// the library's decoder are all it allocates.
func TestPassingOverAllocatesLittle(t *testing.T) {
	data := []byte(strings.Replace(decisionJSON, `"policy"`, `"evidence": {"permit": [1, 2, 3]}, "policy"`, 1))
	if n := testing.AllocsPerRun(100, func() { _, _ = DecodeDecision(data) }); n > 12 {
		t.Errorf("%v allocations", n)
	}
}
