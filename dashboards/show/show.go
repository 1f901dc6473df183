// Package show shows what became of one application: what was applied for, every decision
// on a message that came under its id, with its reasons, and the messages under it that
// cannot be read or that wait to be decided. It reads the record in Postgres, and where that
// holds no decision, the topics.
//
// The output can be passed on: of Civil IDs and sponsors it has the last four digits, and
// nothing of passports, accounts, receipts and insurance policies but that they were stated.
// The command `tajdeed show` calls it.
package show

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

var (
	//go:embed application.sql
	applicationQuery string
	//go:embed decisions.sql
	decisionsQuery string
	//go:embed unreadable.sql
	unreadableQuery string
)

// Status says how far an application is, in one word.
type Status string

// How far it can be.
const (
	Decided    Status = "decided"
	OnItsWay   Status = "on_its_way" // on its topic, and not decided yet
	Unreadable Status = "unreadable" // its message cannot be read and is in quarantine
)

// Found is what became of an application, as `tajdeed show --json` prints it.
type Found struct {
	ID     uuid.UUID `json:"application_id"`
	Status Status    `json:"status"`
	// Simulation says that the installation is one: nothing of it holds for anybody.
	Simulation bool `json:"simulation,omitempty"`
	// Application is null where nothing is decided.
	Application *Application `json:"application"`
	Decisions   []Decision   `json:"decisions"`
	// Unreadable are messages that name the id and cannot be read, also where a later one
	// could be.
	Unreadable []Quarantined `json:"unreadable"`
	// Waiting are messages under the id that are not decided yet. They are looked for only
	// where nothing is decided.
	Waiting []Waiting `json:"waiting"`
}

// Application is what was applied for first under the id. Dates are written YYYY-MM-DD.
type Application struct {
	Kind          string       `json:"kind"`
	CivilID       string       `json:"civil_id"` // the last four digits
	Article       int          `json:"article"`
	SponsorID     string       `json:"sponsor_id"` // the last four digits
	Months        int          `json:"months"`
	Channel       string       `json:"channel"`
	SubmittedAt   time.Time    `json:"submitted_at"`
	FeePaid       *schema.Fils `db:"fee_paid_fils"    json:"fee_paid_fils"`
	FeePaidAt     *time.Time   `json:"fee_paid_at"`
	InsuranceFrom *string      `json:"insurance_from"`
	InsuranceTo   *string      `json:"insurance_to"`
}

// Quarantined is a message that cannot be read.
type Quarantined struct {
	Channel    string    `json:"channel"`
	Rule       string    `json:"rule"`
	Field      string    `json:"field"`
	Found      string    `json:"found"`
	ReceivedAt time.Time `json:"received_at"`
	Topic      string    `json:"topic"`
	Partition  int       `json:"partition"`
	Offset     int64     `json:"offset"`
	// Announced says that its channel was answered and that the message is on the quarantine
	// topic.
	Announced bool `json:"announced"`
}

// Waiting is a message that is not decided yet.
type Waiting struct {
	Channel    string    `json:"channel"`
	ReceivedAt time.Time `json:"received_at"`
	Topic      string    `json:"topic"`
	Partition  int       `json:"partition"`
	Offset     int64     `json:"offset"`
	Before     int64     `json:"before"` // how many messages of its partition are decided before it
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
	FineDue     schema.Fils `db:"fine_due_fils"  json:"fine_due_fils"`
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
	// Log finds messages that wait on their topics. Without it they are not looked for.
	Log *Log
}

// ErrNotFound is returned for an id under which nothing is decided, in quarantine or on its
// way.
var ErrNotFound = errors.New("nothing is known of the application")

// ParseID reads an application's id as a message carries it, 8-4-4-4-12 hexadecimal digits,
// and no other form of a UUID.
func ParseID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != len(id.String()) {
		return uuid.Nil, fmt.Errorf("%q is not an application_id: a UUID of 8-4-4-4-12 hexadecimal digits", s)
	}
	return id, nil
}

// Find looks for an id: in the record, and where that holds no decision under it, on the
// topics. All times are in Kuwait's zone. If there is nothing, it returns [ErrNotFound],
// wrapped.
func Find(ctx context.Context, db *pgxpool.Pool, id uuid.UUID, options Options) (*Found, error) {
	found := &Found{ID: id, Decisions: []Decision{}, Unreadable: []Quarantined{}, Waiting: []Waiting{}}
	if err := found.readRecord(ctx, db); err != nil {
		return nil, err
	}
	if found.Application == nil && options.Log != nil {
		var err error
		if found.Waiting, err = options.Log.find(ctx, db, id); err != nil {
			return nil, fmt.Errorf("the record holds no decision; look on the topics: %w", err)
		}
	}
	switch {
	case found.Application != nil:
		found.Status = Decided
	case len(found.Waiting) > 0:
		found.Status = OnItsWay
	case len(found.Unreadable) > 0:
		found.Status = Unreadable
	default:
		return nil, fmt.Errorf("%w %s: it was never published, or its message cannot be read and does not name it", ErrNotFound, id)
	}
	found.inKuwait()
	found.explain(options)
	return found, nil
}

// readRecord reads what the record holds under the id.
func (s *Found) readRecord(ctx context.Context, db *pgxpool.Pool) (err error) {
	application, err := selectRows[Application](ctx, db, applicationQuery, s.ID)
	if err != nil {
		return fmt.Errorf("read the application: %w", err)
	}
	if len(application) > 0 {
		s.Application = &application[0]
	}
	if s.Decisions, err = selectRows[Decision](ctx, db, decisionsQuery, s.ID); err != nil {
		return fmt.Errorf("read its decisions: %w", err)
	}
	if s.Unreadable, err = selectRows[Quarantined](ctx, db, unreadableQuery, s.ID.String()); err != nil {
		return fmt.Errorf("read the quarantine: %w", err)
	}
	s.Simulation, err = postgres.IsSimulation(ctx, db)
	return err
}

// WriteJSON writes it as one JSON object. Amounts are in fils.
func (s *Found) WriteJSON(out io.Writer) error { return text.WriteJSON(out, s) }

func selectRows[R any](ctx context.Context, db *pgxpool.Pool, query string, args ...any) ([]R, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[R])
}

// inKuwait puts all times into Kuwait's zone.
func (s *Found) inKuwait() {
	var times []*time.Time
	if a := s.Application; a != nil {
		times = append(times, &a.SubmittedAt)
		if a.FeePaidAt != nil {
			times = append(times, a.FeePaidAt)
		}
	}
	for i := range s.Decisions {
		d := &s.Decisions[i]
		times = append(times, &d.SubmittedAt, &d.ReceivedAt, &d.DecidedAt)
	}
	for i := range s.Unreadable {
		times = append(times, &s.Unreadable[i].ReceivedAt)
	}
	for i := range s.Waiting {
		times = append(times, &s.Waiting[i].ReceivedAt)
	}
	for _, t := range times {
		*t = t.In(schema.Kuwait)
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
