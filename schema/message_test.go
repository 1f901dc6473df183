package schema

import (
	"errors"
	"strings"
	"testing"
	"time"

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
  "channel": "company_portal",
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
  "policy": "2025-12-23",
  "kind": "renewal",
  "article": 18,
  "sponsor_id": "204118336",
  "months": 12,
  "channel": "company_portal",
  "fee_due_fils": 20000,
  "fee_paid_fils": 0,
  "old_expiry": "2026-02-19",
  "new_expiry": null,
  "submitted_at": "2026-01-31T06:30:00.25Z",
  "received_at": "2026-01-31T06:30:00.311Z",
  "decided_at": "2026-01-31T06:30:00.402118Z",
  "cause": {"topic": "tajdeed.submissions", "partition": 7, "offset": 118204}
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
		Channel:     ChannelCompanyPortal,
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
		Cause:         Position{Topic: "tajdeed.submissions", Partition: 7, Offset: 118204},
		ApplicationID: uuid.MustParse("0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e"),
		Disposition:   DispositionFirst,
		Outcome:       OutcomeRejected,
		Reasons:       reasons,
		Policy:        "2025-12-23",
		Kind:          KindRenewal,
		Article:       18,
		SponsorID:     204118336,
		Months:        12,
		Channel:       ChannelCompanyPortal,
		FeeDue:        20 * Dinar,
		OldExpiry:     NewDate(2026, time.February, 19),
		SubmittedAt:   time.Date(2026, time.January, 31, 6, 30, 0, 250_000_000, time.UTC),
		ReceivedAt:    time.Date(2026, time.January, 31, 6, 30, 0, 311_000_000, time.UTC),
		DecidedAt:     time.Date(2026, time.January, 31, 6, 30, 0, 402_118_000, time.UTC),
	}
}

// headers are those of an event of a type.
func headers(eventType string) []Header {
	return Envelope{ID: "e-1", Type: eventType, Source: "/channels/company_portal"}.Headers()
}

func TestApplicationSaysWhatItsDataSays(t *testing.T) {
	got, err := DecodeApplication([]byte(applicationJSON))
	if err != nil || got != application() {
		t.Fatalf("got %+v, %v", got, err)
	}
	again, err := DecodeApplication(got.AppendJSON(nil))
	if err != nil || again != got {
		t.Fatalf("written and read again: %+v, %v", again, err)
	}
}

func TestDecisionSaysWhatItsDataSays(t *testing.T) {
	got, err := DecodeDecision([]byte(decisionJSON))
	if err != nil || got != decision() {
		t.Fatalf("got %+v, %v", got, err)
	}
	again, err := DecodeDecision(got.AppendJSON(nil))
	if err != nil || again != got {
		t.Fatalf("written and read again: %+v, %v", again, err)
	}
}

func TestReadKeyValueAndHeaders(t *testing.T) {
	a, err := ReadApplication([]byte("291030104196"), []byte(applicationJSON), headers(TypeApplicationSubmitted))
	if err != nil || a != application() {
		t.Errorf("application: %+v, %v", a, err)
	}
	want := decision()
	want.CivilID = 291030104196
	d, err := ReadDecision([]byte("291030104196"), []byte(decisionJSON), headers(TypeDecision))
	if err != nil || d != want {
		t.Errorf("decision: %+v, %v", d, err)
	}
}

// The caller may use the bytes of a message for the next one.
func TestDecodedHasCopiesOfTheData(t *testing.T) {
	value := []byte(applicationJSON)
	a, err := DecodeApplication(value)
	clear(value)
	if err != nil || a != application() {
		t.Errorf("application: %+v, %v", a, err)
	}
	value = []byte(decisionJSON)
	d, err := DecodeDecision(value)
	clear(value)
	if err != nil || d != decision() {
		t.Errorf("decision: %+v, %v", d, err)
	}
	for _, field := range []string{"stranger", "reasons"} {
		value = []byte(strings.Replace(decisionJSON, `"cause"`, `"`+field+`"`, 1))
		_, err := DecodeDecision(value)
		clear(value)
		if refused, ok := errors.AsType[*Error](err); !ok || refused.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func BenchmarkReadApplication(b *testing.B) {
	key, data, h := []byte("291030104196"), []byte(applicationJSON), headers(TypeApplicationSubmitted)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadApplication(key, data, h); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadDecision reads an approval as the stage before publishes it.
func BenchmarkReadDecision(b *testing.B) {
	d := decision()
	d.Outcome, d.Reasons, d.NewExpiry = OutcomeApproved, 0, NewDate(2027, time.February, 19)
	key, data := []byte("291030104196"), d.AppendJSON(nil)
	h := Envelope{ID: "tajdeed.submissions/7/118204", Type: TypeDecision, Source: "/tajdeed/renewals", Time: d.DecidedAt}.Headers()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadDecision(key, data, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendApplication(b *testing.B) {
	a := application()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = a.AppendJSON(dst[:0])
	}
}

func BenchmarkAppendDecision(b *testing.B) {
	d := decision()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = d.AppendJSON(dst[:0])
	}
}

func BenchmarkDigest(b *testing.B) {
	a := application()
	b.ReportAllocs()
	for b.Loop() {
		a.Digest()
	}
}
