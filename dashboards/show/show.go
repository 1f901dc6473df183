// Package show shows what became of one application: what was applied for, and every decision
// on a message that came under its id, with its reasons. It reads the record in Postgres.
//
// Civil IDs are cut to their last four digits unless the whole ones are asked for, so that
// the output can be passed on. The command `tajdeed show` calls it.
package show

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
)

//go:embed application.sql
var applicationQuery string

//go:embed decisions.sql
var decisionsQuery string

// Found is what became of an application, as `tajdeed show --json` prints it.
type Found struct {
	Application Application `json:"application"`
	Decisions   []Decision  `json:"decisions"`
}

// Application is what was applied for first under the id. Dates are written YYYY-MM-DD.
type Application struct {
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

// Decision is the decision on one message that came under the id.
type Decision struct {
	Disposition string      `json:"disposition"`
	Outcome     string      `json:"outcome"`
	Reasons     []Reason    `db:"-"              json:"reasons"`
	Codes       []string    `db:"reasons"        json:"-"`
	Policy      string      `json:"policy"`
	CivilID     string      `json:"civil_id"`
	Article     int         `json:"article"`
	Months      int         `json:"months"`
	Channel     string      `json:"channel"`
	FeeDue      schema.Fils `db:"fee_due_fils"   json:"fee_due_fils"`
	FeePaid     schema.Fils `db:"fee_paid_fils"  json:"fee_paid_fils"`
	OldExpiry   *string     `json:"old_expiry"`
	NewExpiry   *string     `json:"new_expiry"`
	SubmittedAt time.Time   `json:"submitted_at"`
	ReceivedAt  time.Time   `json:"received_at"`
	DecidedAt   time.Time   `json:"decided_at"`
	Topic       string      `json:"topic"`
	Partition   int         `json:"partition"`
	Offset      int64       `json:"offset"`
	Announced   bool        `json:"announced"`
}

// Reason is the code of a reason for a decision, and its texts.
type Reason struct {
	Code    string `json:"code"`
	English string `json:"en,omitempty"`
	Arabic  string `json:"ar,omitempty"`
}

// Options say how much is shown.
type Options struct {
	// English and Arabic are the languages of the reasons' texts. Without either, a reason is
	// its code only.
	English, Arabic bool
	// WholeCivilIDs shows all digits of Civil IDs, and not only the last four.
	WholeCivilIDs bool
}

// ErrNotFound is returned for an id under which the record holds nothing.
var ErrNotFound = errors.New("the record holds no application")

// ParseID reads an application's id as a message carries it, 8-4-4-4-12 hexadecimal digits,
// and no other form of a UUID.
func ParseID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != len(id.String()) {
		return uuid.Nil, fmt.Errorf("%q is not an application_id: a UUID of 8-4-4-4-12 hexadecimal digits", s)
	}
	return id, nil
}

// Find reads what the record holds under an id. All times are in Kuwait's zone. If there is
// nothing, it returns [ErrNotFound], wrapped.
func Find(ctx context.Context, db *pgxpool.Pool, id uuid.UUID, options Options) (*Found, error) {
	application, err := selectRows[Application](ctx, db, applicationQuery, id)
	if err != nil {
		return nil, fmt.Errorf("read the application: %w", err)
	}
	if len(application) == 0 {
		return nil, fmt.Errorf("%w %s: its message has not been decided yet, could not be read and is in quarantine, or was never published",
			ErrNotFound, id)
	}
	decisions, err := selectRows[Decision](ctx, db, decisionsQuery, id)
	if err != nil {
		return nil, fmt.Errorf("read its decisions: %w", err)
	}
	found := &Found{Application: application[0], Decisions: decisions}
	found.inKuwait()
	found.explain(options)
	if !options.WholeCivilIDs {
		found.hideCivilIDs()
	}
	return found, nil
}

// WriteJSON writes it as one JSON object. Amounts are in fils.
func (s *Found) WriteJSON(out io.Writer) error { return text.WriteJSON(out, s) }

func selectRows[R any](ctx context.Context, db *pgxpool.Pool, query string, id uuid.UUID) ([]R, error) {
	rows, err := db.Query(ctx, query, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[R])
}

// inKuwait puts all times into Kuwait's zone.
func (s *Found) inKuwait() {
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

// explain adds the texts of the reasons. A code that this program does not know comes from a
// later version and stays without a text.
func (s *Found) explain(options Options) {
	for i := range s.Decisions {
		d := &s.Decisions[i]
		d.Reasons = make([]Reason, len(d.Codes))
		for j, code := range d.Codes {
			d.Reasons[j] = Reason{Code: code}
			reason, known := schema.ParseReason(code)
			if known && options.English {
				d.Reasons[j].English = reason.English()
			}
			if known && options.Arabic {
				d.Reasons[j].Arabic = reason.Arabic()
			}
		}
	}
}

// civilIDShown is how many digits of a Civil ID are shown: enough to tell a person from the
// others of an office, and not the number.
const civilIDShown = 4

func (s *Found) hideCivilIDs() {
	hide := func(id *string) {
		hidden := max(0, len(*id)-civilIDShown)
		*id = strings.Repeat("*", hidden) + (*id)[hidden:]
	}
	hide(&s.Application.CivilID)
	for i := range s.Decisions {
		hide(&s.Decisions[i].CivilID)
	}
}
