package schema

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// applicationJSON is an application with every field.
const applicationJSON = `{
  "application_id": "0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e",
  "kind": "renewal",
  "civil_id": "291030104196",
  "article": 18,
  "sponsor_id": "204118336",
  "months": 12,
  "passport": {"number": "N4417702", "country": "IND", "expires_on": "2030-07-14"},
  "submitted_by": "delegate.204118336-2",
  "submitted_at": "2026-01-31T09:30:00.25+03:00",
  "fee": {"receipt": "KNET-2601310042", "amount_fils": 20000, "paid_at": "2026-01-31T09:28:11+03:00"},
  "insurance": {"policy": "HI-88120044", "from": "2026-02-20", "to": "2027-02-19"}
}`

// decisionJSON is a decision that rejects.
const decisionJSON = `{
  "application_id": "0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e",
  "disposition": "first",
  "outcome": "rejected",
  "reasons": [{"code": "fee_missing", "en": "No payment of the fee is stated.", "ar": "لم يُذكر دفع الرسوم."}],
  "policy": "2249-2025@3+36865e",
  "kind": "renewal",
  "article": 18,
  "sponsor_id": "204118336",
  "months": 12,
  "fee_due_fils": 20000,
  "fine_due_fils": 4000,
  "fee_paid_fils": 0,
  "old_expiry": "2026-02-19",
  "new_expiry": null,
  "submitted_at": "2026-01-31T06:30:00.25Z",
  "received_at": "2026-01-31T06:30:00.311Z",
  "decided_at": "2026-01-31T06:30:00.402118Z",
  "cause": {"topic": "tajdeed.submissions.company_portal", "partition": 7, "offset": 118204},
  "revision": 1
}`

// unreadableJSON is a notice that a message cannot be read.
const unreadableJSON = `{
  "rule": "wrong_type",
  "field": "fee.amount_fils",
  "found": "a string where a number belongs",
  "received_at": "2026-01-31T06:30:01.207Z",
  "cause": {"topic": "tajdeed.submissions.company_portal", "partition": 7, "offset": 118205},
  "revision": 1
}`

// application is what applicationJSON says.
func application() Application {
	return Application{
		ID:          uuid.MustParse("0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e"),
		Kind:        KindRenewal,
		CivilID:     291030104196,
		Article:     18,
		SponsorID:   204118336,
		Months:      12,
		Passport:    Passport{Number: "N4417702", Country: "IND", ExpiresOn: NewDate(2030, time.July, 14)},
		SubmittedBy: "delegate.204118336-2",
		SubmittedAt: time.Date(2026, time.January, 31, 6, 30, 0, 250_000_000, time.UTC),
		Fee:         Payment{Receipt: "KNET-2601310042", Amount: 20 * Dinar, PaidAt: time.Date(2026, time.January, 31, 6, 28, 11, 0, time.UTC)},
		Insurance:   Insurance{Policy: "HI-88120044", From: NewDate(2026, time.February, 20), To: NewDate(2027, time.February, 19)},
	}
}

// decision is what decisionJSON says.
func decision() Decision {
	var reasons Reasons
	reasons.Add(ReasonFeeMissing)
	return Decision{
		Cause:         Position{Topic: "tajdeed.submissions.company_portal", Partition: 7, Offset: 118204},
		ApplicationID: uuid.MustParse("0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e"),
		Disposition:   DispositionFirst,
		Outcome:       OutcomeRejected,
		Reasons:       reasons,
		Policy:        "2249-2025@3+36865e",
		Revision:      FirstRevision,
		Kind:          KindRenewal,
		Article:       18,
		SponsorID:     204118336,
		Months:        12,
		FeeDue:        20 * Dinar,
		FineDue:       4 * Dinar,
		OldExpiry:     NewDate(2026, time.February, 19),
		SubmittedAt:   time.Date(2026, time.January, 31, 6, 30, 0, 250_000_000, time.UTC),
		ReceivedAt:    time.Date(2026, time.January, 31, 6, 30, 0, 311_000_000, time.UTC),
		DecidedAt:     time.Date(2026, time.January, 31, 6, 30, 0, 402_118_000, time.UTC),
	}
}

// unreadable is what unreadableJSON says.
func unreadable() Unreadable {
	return Unreadable{
		Cause:      Position{Topic: "tajdeed.submissions.company_portal", Partition: 7, Offset: 118205},
		Rule:       RuleWrongType,
		Field:      "fee.amount_fils",
		Found:      "a string where a number belongs",
		ReceivedAt: time.Date(2026, time.January, 31, 6, 30, 1, 207_000_000, time.UTC),
		Revision:   FirstRevision,
	}
}

// headers are those of an event of a type.
func headers(eventType string) []Header {
	return Envelope{ID: "e-1", Type: eventType, Source: "/channels/company_portal"}.Headers()
}

func TestApplicationSaysWhatItsDataSays(t *testing.T) {
	t.Parallel()
	checkSays(t, applicationJSON, application(), DecodeApplication, (*Application).AppendJSON)
}

func TestDecisionSaysWhatItsDataSays(t *testing.T) {
	t.Parallel()
	checkSays(t, decisionJSON, decision(), DecodeDecision, (*Decision).AppendJSON)
}

func TestSimulatedDecisionSaysSo(t *testing.T) {
	t.Parallel()
	want := decision()
	want.Simulation, want.Revision = true, 2
	simulated := strings.Replace(decisionJSON, `"revision": 1`, `"revision": 2, "simulation": true`, 1)
	checkSays(t, simulated, want, DecodeDecision, (*Decision).AppendJSON)
}

// An answer of the edition before has no fine, and asks for none.
func TestDecisionWithoutAFine(t *testing.T) {
	t.Parallel()
	want := decision()
	want.FineDue = 0
	checkSays(t, strings.Replace(decisionJSON, `  "fine_due_fils": 4000,`, "", 1), want, DecodeDecision, (*Decision).AppendJSON)
	golden := goldenFiles(t, "decision", "accepted")
	if d, err := DecodeDecision(golden["edition_before_without_fine"]); err != nil || d.FeeDue != 20*Dinar || d.FineDue != 0 {
		t.Errorf("fee %s, fine %s, %v", d.FeeDue, d.FineDue, err)
	}
	if d, err := DecodeDecision(golden["fine"]); err != nil || d.FeeDue != 20*Dinar || d.FineDue != 4*Dinar || d.FeePaid != 24*Dinar {
		t.Errorf("fee %s, fine %s, paid %s, %v", d.FeeDue, d.FineDue, d.FeePaid, err)
	}
}

func TestNoticeSaysWhatItsDataSays(t *testing.T) {
	t.Parallel()
	checkSays(t, unreadableJSON, unreadable(), DecodeUnreadable, (*Unreadable).AppendJSON)
}

// checkSays reads data, and what that writes once more.
func checkSays[M any](t *testing.T, data string, want M, decode func([]byte) (M, error), write func(*M, []byte) []byte) {
	t.Helper()
	got, err := decode([]byte(data))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	again, err := decode(write(&got, nil))
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Fatalf("written and read again: %+v, %v", again, err)
	}
}

// The published order is the written order, so that a reader may look at the top of a message.
func TestWritingKeepsThePublishedOrder(t *testing.T) {
	t.Parallel()
	a, d, u := application(), decision(), unreadable()
	for want, got := range map[string][]byte{
		applicationJSON: a.AppendJSON(nil), decisionJSON: d.AppendJSON(nil), unreadableJSON: u.AppendJSON(nil),
	} {
		value := jsontext.Value(want)
		if err := value.Compact(); err != nil || len(got) == 0 {
			t.Fatal(err)
		}
		// The times are written in UTC, whatever offset they were read with.
		local := strings.NewReplacer("09:30:00.25+03:00", "06:30:00.25Z", "09:28:11+03:00", "06:28:11Z")
		if compact := local.Replace(string(value)); compact != string(got) {
			t.Errorf("%s\nwant %s", got, compact)
		}
	}
}

func TestReadKeyValueAndHeaders(t *testing.T) {
	t.Parallel()
	key := []byte("291030104196")
	a, err := ReadApplication(key, []byte(applicationJSON), headers(TypeApplicationSubmitted))
	if err != nil || a != application() {
		t.Errorf("application: %+v, %v", a, err)
	}
	decided := decision()
	decided.CivilID = 291030104196
	for name, c := range map[string]struct {
		data string
		want Answer
	}{
		"decision":   {decisionJSON, Answer{Type: TypeDecision, Decision: decided}},
		"unreadable": {unreadableJSON, Answer{Type: TypeUnreadable, Unreadable: unreadable()}},
	} {
		got, err := ReadAnswer(key, []byte(c.data), headers(c.want.Type))
		if err != nil || !reflect.DeepEqual(got, c.want) || got.Cause().Topic == "" || got.Cause() != c.want.Cause() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A notice's key is whatever the message's was, or none.
func TestReadNoticeWithAnyKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "291030104196", "x"} {
		if a, err := ReadAnswer([]byte(key), []byte(unreadableJSON), headers(TypeUnreadable)); err != nil || a.Unreadable != unreadable() {
			t.Errorf("%q: %+v, %v", key, a, err)
		}
	}
}

// The caller may use the bytes of a message for the next one.
func TestDecodedHasCopiesOfTheData(t *testing.T) {
	t.Parallel()
	later := strings.NewReplacer(`"rejected"`, `"pending"`, `"first"`, `"settled"`, `"renewal"`, `"transfer"`, `"fee_missing"`, `"fee_waits"`).Replace(decisionJSON)
	want := decision()
	want.Outcome, want.Disposition, want.Kind, want.Reasons, want.LaterReasons = "pending", "settled", "transfer", 0, []string{"fee_waits"}
	checkCopies(t, applicationJSON, application(), DecodeApplication)
	checkCopies(t, decisionJSON, decision(), DecodeDecision)
	checkCopies(t, later, want, DecodeDecision)
	checkCopies(t, unreadableJSON, unreadable(), DecodeUnreadable)
	ruled := unreadable()
	ruled.Rule = "later_rule"
	checkCopies(t, strings.Replace(unreadableJSON, "wrong_type", "later_rule", 1), ruled, DecodeUnreadable)
	for _, field := range []string{"stranger", "policy"} {
		value := []byte(strings.Replace(applicationJSON, `"months"`, `"`+field+`"`, 1))
		_, err := DecodeApplication(value)
		clear(value)
		if refused, ok := errors.AsType[*Error](err); !ok || refused.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func checkCopies[M any](t *testing.T, data string, want M, decode func([]byte) (M, error)) {
	t.Helper()
	value := []byte(data)
	got, err := decode(value)
	clear(value)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}
