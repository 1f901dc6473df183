package schema_test

import (
	"errors"
	"fmt"
	"log"
	"strings"

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
