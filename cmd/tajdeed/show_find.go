package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
)

//go:embed show_application.sql
var shownApplicationQuery string

//go:embed show_decisions.sql
var shownDecisionsQuery string

// shown is what became of an application, as `tajdeed show --json` prints it.
type shown struct {
	Application shownApplication `json:"application"`
	Decisions   []shownDecision  `json:"decisions"`
}

// shownApplication is what was applied for first under the id. Dates are civil
// dates, written YYYY-MM-DD.
type shownApplication struct {
	ID              uuid.UUID    `db:"application_id"      json:"application_id"`
	Kind            string       `json:"kind"`
	CivilID         string       `json:"civil_id"`
	Article         int          `json:"article"`
	SponsorID       int          `json:"sponsor_id,string"` // as the contract writes it
	Months          int          `json:"months"`
	PassportCountry string       `json:"passport_country"`
	PassportExpires string       `db:"passport_expires_on" json:"passport_expires_on"`
	Channel         string       `json:"channel"`
	SubmittedBy     string       `json:"submitted_by"`
	SubmittedAt     time.Time    `json:"submitted_at"`
	FeeReceipt      *string      `json:"fee_receipt"`
	FeePaid         *schema.Fils `db:"fee_paid_fils"       json:"fee_paid_fils"`
	FeePaidAt       *time.Time   `json:"fee_paid_at"`
	InsurancePolicy *string      `json:"insurance_policy"`
	InsuranceFrom   *string      `json:"insurance_from"`
	InsuranceTo     *string      `json:"insurance_to"`
}

// shownDecision is the decision on one message that came under the id.
type shownDecision struct {
	Disposition string        `json:"disposition"`
	Outcome     string        `json:"outcome"`
	Reasons     []shownReason `db:"-"              json:"reasons"`
	Codes       []string      `db:"reasons"        json:"-"`
	Policy      string        `json:"policy"`
	CivilID     string        `json:"civil_id"`
	Article     int           `json:"article"`
	Months      int           `json:"months"`
	Channel     string        `json:"channel"`
	FeeDue      schema.Fils   `db:"fee_due_fils"   json:"fee_due_fils"`
	FeePaid     schema.Fils   `db:"fee_paid_fils"  json:"fee_paid_fils"`
	OldExpiry   *string       `json:"old_expiry"`
	NewExpiry   *string       `json:"new_expiry"`
	SubmittedAt time.Time     `json:"submitted_at"`
	ReceivedAt  time.Time     `json:"received_at"`
	DecidedAt   time.Time     `json:"decided_at"`
	Topic       string        `json:"topic"`
	Partition   int           `json:"partition"`
	Offset      int64         `json:"offset"`
	Announced   bool          `json:"announced"`
}

type shownReason struct {
	Code    string `json:"code"`
	English string `json:"en,omitempty"`
	Arabic  string `json:"ar,omitempty"`
}

// findApplication reads what the record holds under an id.
func findApplication(ctx context.Context, db *pgxpool.Pool, id uuid.UUID) (*shown, error) {
	application, err := selectShown[shownApplication](ctx, db, shownApplicationQuery, id)
	if err != nil {
		return nil, fmt.Errorf("read the application: %w", err)
	}
	if len(application) == 0 {
		return nil, errNotInRecord(id)
	}
	decisions, err := selectShown[shownDecision](ctx, db, shownDecisionsQuery, id)
	if err != nil {
		return nil, fmt.Errorf("read its decisions: %w", err)
	}
	found := &shown{Application: application[0], Decisions: decisions}
	found.inKuwait()
	return found, nil
}

func errNotInRecord(id uuid.UUID) error {
	return errors.New("the record holds no application " + id.String() +
		": its message has not been decided yet, could not be read and is in quarantine, or was never published")
}

func selectShown[R any](ctx context.Context, db *pgxpool.Pool, query string, id uuid.UUID) ([]R, error) {
	rows, err := db.Query(ctx, query, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[R])
}

// inKuwait puts all times into the zone of whoever asks.
func (s *shown) inKuwait() {
	a := &s.Application
	a.SubmittedAt = a.SubmittedAt.In(schema.Kuwait)
	if a.FeePaidAt != nil {
		paid := a.FeePaidAt.In(schema.Kuwait)
		a.FeePaidAt = &paid
	}
	for i := range s.Decisions {
		d := &s.Decisions[i]
		d.SubmittedAt = d.SubmittedAt.In(schema.Kuwait)
		d.ReceivedAt = d.ReceivedAt.In(schema.Kuwait)
		d.DecidedAt = d.DecidedAt.In(schema.Kuwait)
	}
}

// explain puts what each reason says beside its code. A code that this program does
// not know is a later version's; its code has to do.
func (s *shown) explain(in languages) {
	for i := range s.Decisions {
		d := &s.Decisions[i]
		d.Reasons = make([]shownReason, len(d.Codes))
		for j, code := range d.Codes {
			d.Reasons[j] = shownReason{Code: code}
			reason, known := schema.ParseReason(code)
			if known && in.english {
				d.Reasons[j].English = reason.English()
			}
			if known && in.arabic {
				d.Reasons[j].Arabic = reason.Arabic()
			}
		}
	}
}

// civilIDShown is how many digits of a Civil ID tell a person from the others of an
// office, without being the number.
const civilIDShown = 4

func (s *shown) hideCivilIDs() {
	hide := func(id *string) {
		hidden := max(0, len(*id)-civilIDShown)
		*id = strings.Repeat("*", hidden) + (*id)[hidden:]
	}
	hide(&s.Application.CivilID)
	for i := range s.Decisions {
		hide(&s.Decisions[i].CivilID)
	}
}
