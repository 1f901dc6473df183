// Package stats answers the questions that analysts ask most: how much was decided, on which
// channels it was applied for, why it was rejected, what could not be read, and how long each
// stage took. It asks
// ClickHouse, which holds no names and no Civil IDs, so a report names nobody.
//
// An application is counted once. Messages that came later under its id are counted apart,
// as resends or conflicts. The command `tajdeed stats` and the demo's report call it.
package stats

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
)

//go:embed throughput.sql
var throughputQuery string

//go:embed applications.sql
var applicationsQuery string

//go:embed reasons.sql
var reasonsQuery string

//go:embed unreadable.sql
var unreadableQuery string

//go:embed latency.sql
var latencyQuery string

//go:embed pace.sql
var paceQuery string

//go:embed extent.sql
var extentQuery string

//go:embed complete.sql
var completeQuery string

// Sections returns the names of the sections of a report, in their order.
func Sections() []string {
	return []string{"throughput", "applications", "reasons", "unreadable", "latency", "pace"}
}

// Question says what a report is about.
type Question struct {
	// Since and Until bound the times of decision; Until is not included. Both are widened
	// to whole hours, since ClickHouse's views tell hours apart and nothing finer.
	Since, Until time.Time
	// By is the step of the throughput: hour or day. Default: hour for up to two days, day
	// beyond.
	By string
	// Sections are the names of the wanted sections, see [Sections]. Default all.
	Sections []string
}

// Validate says what is wrong with a question, after the name of the flag that asks it. It
// contacts no server.
func (q Question) Validate() error {
	if !q.Since.Before(q.Until) {
		return fmt.Errorf("since: nothing lies between %s and %s: it must be before until",
			text.Minute(q.Since.In(schema.Kuwait)), text.Minute(q.Until.In(schema.Kuwait)))
	}
	if q.By != "" && q.By != "hour" && q.By != "day" {
		return fmt.Errorf("by: %q is neither hour nor day", q.By)
	}
	for _, section := range q.Sections {
		if !slices.Contains(Sections(), section) {
			return fmt.Errorf("section: %q is none of %s", section, strings.Join(Sections(), ", "))
		}
	}
	return nil
}

// withDefaults widens the span to whole hours and fills in the defaults. Kuwait is three whole
// hours ahead of UTC, so its hours are those of UTC.
func (q Question) withDefaults() Question {
	q.Since = q.Since.Truncate(time.Hour).In(schema.Kuwait)
	q.Until = q.Until.Add(time.Hour - 1).Truncate(time.Hour).In(schema.Kuwait)
	if q.By == "" {
		q.By = "day"
		if q.Until.Sub(q.Since) <= 49*time.Hour { // two days that were widened
			q.By = "hour"
		}
	}
	if len(q.Sections) == 0 {
		q.Sections = Sections()
	}
	return q
}

// Report is the answer to a question, as `tajdeed stats --json` prints it. A section that was
// not asked for is left out; one that is empty is an empty list.
type Report struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	By    string    `json:"by"`
	// Simulation says that the installation is one: its people are made up.
	Simulation   bool          `json:"simulation"`
	Complete     Completeness  `json:"complete"`
	Totals       Totals        `json:"totals"`
	Throughput   []Throughput  `json:"throughput,omitzero"`
	Applications []Application `json:"applications,omitzero"`
	Reasons      []Reason      `json:"reasons,omitzero"`
	Unreadable   []Unreadable  `json:"unreadable,omitzero"`
	Latency      []Latency     `json:"latency_ms,omitzero"`
	Pace         []Pace        `json:"pace,omitzero"`

	throughput []Throughput // the totals are made of it, so it is always read
	held       extent       // of all decisions, in the span or not
	sections   []string     // that were asked for
}

// Totals count messages and applications: messages = first + resend + conflict,
// first = approved + rejected, but for outcomes of a later edition.
type Totals struct {
	Messages uint64 `ch:"messages" json:"messages"`
	First    uint64 `ch:"first"    json:"first"`
	Resend   uint64 `ch:"resend"   json:"resend"`
	Conflict uint64 `ch:"conflict" json:"conflict"`
	Approved uint64 `ch:"approved" json:"approved"`
	Rejected uint64 `ch:"rejected" json:"rejected"`
}

// Throughput counts what was decided in an hour or a day.
type Throughput struct {
	Start time.Time `ch:"start" json:"start"`
	Totals
}

// Application counts applications of an article, a channel and an outcome.
type Application struct {
	Article  uint8  `ch:"article"   json:"article"`
	Channel  string `ch:"channel"   json:"channel"`
	Outcome  string `ch:"outcome"   json:"outcome"`
	First    uint64 `ch:"first"     json:"first"`
	Resend   uint64 `ch:"resend"    json:"resend"`
	Conflict uint64 `ch:"conflict"  json:"conflict"`
	FeesFils int64  `ch:"fees_fils" json:"fees_fils"` // what approved applications paid
}

// Reason counts decisions that give a reason.
type Reason struct {
	Reason   string `ch:"reason"   json:"reason"`
	First    uint64 `ch:"first"    json:"first"`
	Resend   uint64 `ch:"resend"   json:"resend"`
	Conflict uint64 `ch:"conflict" json:"conflict"`
	English  string `json:"en"`
	Arabic   string `json:"ar"`
}

// Unreadable counts messages that could not be read, of a channel and for a rule of form. They
// are of the hours in which the broker received them.
type Unreadable struct {
	Channel  string `ch:"channel"  json:"channel"`
	Rule     string `ch:"rule"     json:"rule"`
	Messages uint64 `ch:"messages" json:"messages"`
}

// Latency is how long a part of a message's way took, in milliseconds.
type Latency struct {
	Stage    string  `ch:"stage"    json:"stage"`
	Messages uint64  `ch:"messages" json:"messages"`
	P50      float64 `ch:"p50_ms"   json:"p50"`
	P90      float64 `ch:"p90_ms"   json:"p90"`
	P99      float64 `ch:"p99_ms"   json:"p99"`
	Max      float64 `ch:"max_ms"   json:"max"`
}

// Pace compares the last hour, day and year with 450,000 applications a year.
type Pace struct {
	Span         string  `ch:"span"         json:"span"`
	Applications uint64  `ch:"applications" json:"applications"`
	Target       float64 `ch:"target"       json:"target"`
	Share        float64 `ch:"share"        json:"share"`
}

// Completeness says how far ClickHouse is complete: it holds every decision that was
// published before UpTo.
type Completeness struct {
	// UpTo is null while a partition of the decisions topic was never read: it may hold
	// anything.
	UpTo           *time.Time `json:"up_to"`
	Partitions     int32      `json:"partitions"` // of the decisions topic; 0 if the stage analytics has not said
	PartitionsSeen uint64     `json:"partitions_seen"`
}

// extent is how many decisions there are, and from when to when.
type extent struct {
	Messages uint64    `ch:"messages"`
	First    time.Time `ch:"first_at"`
	Last     time.Time `ch:"last_at"`
}

// Ask reads from ClickHouse what a question asks for.
func Ask(ctx context.Context, db driver.Conn, q Question) (*Report, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	q = q.withDefaults()
	s := &Report{Since: q.Since, Until: q.Until, By: q.By, sections: q.Sections}
	if err := db.QueryRow(ctx, extentQuery).ScanStruct(&s.held); err != nil {
		return nil, fmt.Errorf("read the extent of the decisions: %w", err)
	}
	var err error
	if s.Simulation, err = clickhouse.IsSimulation(ctx, db); err != nil {
		return nil, err
	}
	if err := s.Complete.read(ctx, db); err != nil {
		return nil, fmt.Errorf("read up to when ClickHouse is complete: %w", err)
	}
	rows, err := selectRows[Throughput](ctx, db, throughputQuery, q)
	if err != nil {
		return nil, fmt.Errorf("read throughput: %w", err)
	}
	s.sum(rows)
	for _, section := range q.Sections {
		if err := s.readSection(ctx, db, q, section); err != nil {
			return nil, fmt.Errorf("read %s: %w", section, err)
		}
	}
	return s, nil
}

func (c *Completeness) read(ctx context.Context, db driver.Conn) error {
	var upTo time.Time
	if err := db.QueryRow(ctx, completeQuery).Scan(&upTo, &c.Partitions, &c.PartitionsSeen); err != nil {
		return err
	}
	if upTo.Unix() != 0 { // 1970 stands for never
		upTo = upTo.In(schema.Kuwait)
		c.UpTo = &upTo
	}
	return nil
}

// sum sums the throughput up and puts its times into Kuwait's zone, whatever zone the driver
// gave them.
func (s *Report) sum(rows []Throughput) {
	for i := range rows {
		rows[i].Start = rows[i].Start.In(schema.Kuwait)
		s.Totals.add(&rows[i].Totals)
	}
	s.throughput = rows
}

func (t *Totals) add(other *Totals) {
	t.Messages += other.Messages
	t.First += other.First
	t.Resend += other.Resend
	t.Conflict += other.Conflict
	t.Approved += other.Approved
	t.Rejected += other.Rejected
}

func (s *Report) readSection(ctx context.Context, db driver.Conn, q Question, section string) (err error) {
	switch section {
	case "throughput":
		s.Throughput = s.throughput
	case "applications":
		s.Applications, err = selectRows[Application](ctx, db, applicationsQuery, q)
	case "reasons":
		s.Reasons, err = selectRows[Reason](ctx, db, reasonsQuery, q)
		explain(s.Reasons)
	case "unreadable":
		s.Unreadable, err = selectRows[Unreadable](ctx, db, unreadableQuery, q)
	case "latency":
		s.Latency, err = selectRows[Latency](ctx, db, latencyQuery, q)
	case "pace":
		s.Pace, err = selectRows[Pace](ctx, db, paceQuery, q)
	}
	return err
}

// selectRows runs a section's query. The rows are never nil: JSON tells an empty
// section from one that was not asked for.
func selectRows[R any](ctx context.Context, db driver.Conn, query string, q Question) ([]R, error) {
	rows := []R{}
	const layout = "2006-01-02 15:04:05"
	err := db.Select(ctx, &rows, query, driver.Named("by", q.By),
		driver.Named("since", q.Since.Format(layout)), driver.Named("until", q.Until.Format(layout)))
	return rows, err
}

// explain adds the texts of the reasons. A code that this program does not know comes from a
// later version and stays without a text.
func explain(rows []Reason) {
	for i := range rows {
		if reason, known := schema.ParseReason(rows[i].Reason); known {
			rows[i].English, rows[i].Arabic = reason.English(), reason.Arabic()
		}
	}
}
