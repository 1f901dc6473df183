package schema_test

import (
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"tajdeed/schema"
)

// A message as a channel publishes it, and the same one with a wrong amount: the error
// names the field and the rule, and no value.
func ExampleReadApplication() {
	const value = `{
		"application_id": "0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e",
		"kind": "renewal",
		"civil_id": "291030104196",
		"article": 18,
		"sponsor_id": "204118336",
		"months": 12,
		"passport": {"number": "N4417702", "country": "IND", "expires_on": "2030-07-14"},
		"submitted_by": "delegate-2",
		"submitted_at": "2026-01-31T09:30:00+03:00",
		"fee": {"receipt": "KNET-2601310042", "amount_fils": 20000, "paid_at": "2026-01-31T09:28:11+03:00"}
	}`
	event := schema.Envelope{ID: "e-1", Type: schema.TypeApplicationSubmitted, Source: "/channels/company_portal"}
	key := []byte("291030104196")

	application, err := schema.ReadApplication(key, []byte(value), event.Headers())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(application.Kind, application.Months, "months,", application.Fee.Amount, "paid")

	inDinars := strings.Replace(value, "20000", "20.500", 1)
	_, err = schema.ReadApplication(key, []byte(inDinars), event.Headers())
	if refused, ok := errors.AsType[*schema.Error](err); ok {
		fmt.Println(refused.Field, refused.Rule)
	}
	fmt.Println(err)
	// Output:
	// renewal 12 months, KWD 20.000 paid
	// fee.amount_fils wrong_type
	// fee.amount_fils: wrong_type: a fraction where an integer belongs
}

// A channel reads its answers. What a later edition may send does not stop it.
func ExampleReadAnswer() {
	read := func(eventType, value string) {
		event := schema.Envelope{ID: "e-1", Type: eventType, Source: "/tajdeed/renewals"}
		answer, err := schema.ReadAnswer([]byte("291030104196"), []byte(value), event.Headers())
		switch {
		case err != nil:
			log.Fatal(err)
		case answer.Type == schema.TypeUnreadable:
			fmt.Println("cannot be read:", answer.Unreadable.Field, answer.Unreadable.Rule)
		case answer.Type != schema.TypeDecision:
			fmt.Println("passed over:", answer.Type)
		case answer.Decision.Outcome == schema.OutcomeApproved || answer.Decision.Outcome == schema.OutcomeRejected:
			fmt.Println("final:", answer.Decision.Outcome, answer.Decision.ReasonCodes())
		default:
			fmt.Println("not final:", answer.Decision.Outcome)
		}
	}
	decided := schema.Decision{
		Cause:   schema.Position{Topic: "tajdeed.submissions.counter", Partition: 7, Offset: 118204},
		Outcome: schema.OutcomeApproved, Disposition: schema.DispositionFirst, Kind: schema.KindRenewal, Revision: schema.FirstRevision,
		Policy: "2249-2025@3+36865e", Article: 18, SponsorID: 204118336, Months: 12, NewExpiry: schema.NewDate(2027, 2, 19),
	}
	for _, at := range []*time.Time{&decided.SubmittedAt, &decided.ReceivedAt, &decided.DecidedAt} {
		*at = time.Date(2026, 1, 31, 6, 30, 0, 0, time.UTC)
	}
	notice := schema.Unreadable{
		Cause: decided.Cause, Rule: schema.RuleWrongType, Field: "fee.amount_fils", Found: "a string where a number belongs",
		ReceivedAt: decided.ReceivedAt, Revision: schema.FirstRevision,
	}
	approved := string(decided.AppendJSON(nil))

	read(schema.TypeDecision, approved)
	read(schema.TypeDecision, strings.Replace(approved, `"approved"`, `"pending", "waits_for": ["work_permit"]`, 1))
	read(schema.TypeUnreadable, string(notice.AppendJSON(nil)))
	read("tajdeed.application.reminded.v1", "{}")
	// Output:
	// final: approved []
	// not final: pending
	// cannot be read: fee.amount_fils wrong_type
	// passed over: tajdeed.application.reminded.v1
}
