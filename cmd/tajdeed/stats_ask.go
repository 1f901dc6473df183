package main

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema"
)

//go:embed stats_throughput.sql
var throughputQuery string

//go:embed stats_applications.sql
var applicationsQuery string

//go:embed stats_reasons.sql
var reasonsQuery string

//go:embed stats_latency.sql
var latencyQuery string

//go:embed stats_pace.sql
var paceQuery string

//go:embed stats_extent.sql
var extentQuery string

//go:embed stats_complete.sql
var completeQuery string

// stats is the answer, as `tajdeed stats --json` prints it. A section that was not
// asked for is left out; one that is empty is an empty list.
type stats struct {
	Since        time.Time          `json:"since"`
	Until        time.Time          `json:"until"`
	By           string             `json:"by"`
	Complete     completeness       `json:"complete"`
	Totals       totals             `json:"totals"`
	Throughput   []throughputStats  `json:"throughput,omitzero"`
	Applications []applicationStats `json:"applications,omitzero"`
	Reasons      []reasonStats      `json:"reasons,omitzero"`
	Latency      []latencyStats     `json:"latency_ms,omitzero"`
	Pace         []paceStats        `json:"pace,omitzero"`

	throughput []throughputStats // which the totals are made of, asked for or not
	held       extent            // what there is outside the span too
}

// totals count messages and applications: messages = first + resend + conflict,
// first = approved + rejected.
type totals struct {
	Messages uint64 `ch:"messages" json:"messages"`
	First    uint64 `ch:"first"    json:"first"`
	Resend   uint64 `ch:"resend"   json:"resend"`
	Conflict uint64 `ch:"conflict" json:"conflict"`
	Approved uint64 `ch:"approved" json:"approved"`
	Rejected uint64 `ch:"rejected" json:"rejected"`
}

type throughputStats struct {
	Start time.Time `ch:"start" json:"start"`
	totals
}

type applicationStats struct {
	Article  uint8  `ch:"article"   json:"article"`
	Channel  string `ch:"channel"   json:"channel"`
	Outcome  string `ch:"outcome"   json:"outcome"`
	First    uint64 `ch:"first"     json:"first"`
	Resend   uint64 `ch:"resend"    json:"resend"`
	Conflict uint64 `ch:"conflict"  json:"conflict"`
	FeesFils int64  `ch:"fees_fils" json:"fees_fils"` // what approved applications paid
}

type reasonStats struct {
	Reason   string `ch:"reason"   json:"reason"`
	First    uint64 `ch:"first"    json:"first"`
	Resend   uint64 `ch:"resend"   json:"resend"`
	Conflict uint64 `ch:"conflict" json:"conflict"`
	English  string `json:"en"`
	Arabic   string `json:"ar"`
}

type latencyStats struct {
	Stage    string  `ch:"stage"    json:"stage"`
	Messages uint64  `ch:"messages" json:"messages"`
	P50      float64 `ch:"p50_ms"   json:"p50"`
	P90      float64 `ch:"p90_ms"   json:"p90"`
	P99      float64 `ch:"p99_ms"   json:"p99"`
	Max      float64 `ch:"max_ms"   json:"max"`
}

type paceStats struct {
	Span         string  `ch:"span"         json:"span"`
	Applications uint64  `ch:"applications" json:"applications"`
	Target       float64 `ch:"target"       json:"target"`
	Share        float64 `ch:"share"        json:"share"`
}

// completeness is how far the analysts' database is complete: every decision that was
// published before UpTo is in.
type completeness struct {
	// UpTo is null while a partition of the decisions topic was never read: it may hold
	// anything.
	UpTo           *time.Time `json:"up_to"`
	Partitions     int32      `json:"partitions"` // of the decisions topic; 0 if no sink has said
	PartitionsSeen uint64     `json:"partitions_seen"`
}

type extent struct {
	Messages uint64    `ch:"messages"`
	First    time.Time `ch:"first_at"`
	Last     time.Time `ch:"last_at"`
}

// askStats asks for the sections of a question.
func askStats(ctx context.Context, db driver.Conn, q question) (*stats, error) {
	s := &stats{Since: q.since, Until: q.until, By: q.by}
	if err := db.QueryRow(ctx, extentQuery).ScanStruct(&s.held); err != nil {
		return nil, fmt.Errorf("ask what there is: %w", err)
	}
	if err := s.Complete.ask(ctx, db); err != nil {
		return nil, fmt.Errorf("ask up to when all is in: %w", err)
	}
	rows, err := selectStats[throughputStats](ctx, db, throughputQuery, q)
	if err != nil {
		return nil, fmt.Errorf("ask for throughput: %w", err)
	}
	s.sum(rows)
	for _, section := range q.sections {
		if err := s.ask(ctx, db, q, section); err != nil {
			return nil, fmt.Errorf("ask for %s: %w", section, err)
		}
	}
	return s, nil
}

func (c *completeness) ask(ctx context.Context, db driver.Conn) error {
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

// sum adds the throughput up and puts its times into Kuwait's zone, whatever the
// driver called it.
func (s *stats) sum(rows []throughputStats) {
	for i := range rows {
		rows[i].Start = rows[i].Start.In(schema.Kuwait)
		s.Totals.add(&rows[i].totals)
	}
	s.throughput = rows
}

func (t *totals) add(other *totals) {
	t.Messages += other.Messages
	t.First += other.First
	t.Resend += other.Resend
	t.Conflict += other.Conflict
	t.Approved += other.Approved
	t.Rejected += other.Rejected
}

func (s *stats) ask(ctx context.Context, db driver.Conn, q question, section string) (err error) {
	switch section {
	case "throughput":
		s.Throughput = s.throughput
	case "applications":
		s.Applications, err = selectStats[applicationStats](ctx, db, applicationsQuery, q)
	case "reasons":
		s.Reasons, err = selectStats[reasonStats](ctx, db, reasonsQuery, q)
		explain(s.Reasons)
	case "latency":
		s.Latency, err = selectStats[latencyStats](ctx, db, latencyQuery, q)
	case "pace":
		s.Pace, err = selectStats[paceStats](ctx, db, paceQuery, q)
	}
	return err
}

// selectStats runs a section's query. The rows are never nil: JSON tells an empty
// section from one that was not asked for.
func selectStats[R any](ctx context.Context, db driver.Conn, query string, q question) ([]R, error) {
	rows := []R{}
	const layout = "2006-01-02 15:04:05"
	err := db.Select(ctx, &rows, query, driver.Named("by", q.by),
		driver.Named("since", q.since.Format(layout)), driver.Named("until", q.until.Format(layout)))
	return rows, err
}

// explain adds what the reasons say. A code that this program does not know is a
// later version's; its code has to do.
func explain(rows []reasonStats) {
	for i := range rows {
		if reason, known := schema.ParseReason(rows[i].Reason); known {
			rows[i].English, rows[i].Arabic = reason.English(), reason.Arabic()
		}
	}
}
