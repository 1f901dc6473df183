package analytics

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
)

//go:embed insert.sql
var insertDecisions string

const (
	// insertTimeout bounds one attempt; the engine makes another.
	insertTimeout = 30 * time.Second
	// watchedFor is longer than a goroutine waits for its first turn.
	watchedFor = 5 * time.Second
)

// attempt returns the context of one attempt, and what releases it some time after it is
// called. The driver watches the context in a goroutine while it sends, and closes the
// connection where the context ends (clickhouse-go v2.50, context_watchdog.go). A goroutine
// that has not run before Send returns would find the context ended, and close a connection
// that the pool may have given to somebody else: "use of closed network connection".
// So the context of the attempt ends with its parent only until it is released.
func attempt(parent context.Context) (_ context.Context, release func()) {
	deadline := time.Now().Add(insertTimeout)
	if earlier, bounded := parent.Deadline(); bounded && earlier.Before(deadline) {
		deadline = earlier
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(parent), deadline)
	stop := context.AfterFunc(parent, cancel)
	return ctx, func() {
		stop()
		time.AfterFunc(watchedFor, cancel)
	}
}

// insert sends rows as one block.
func (s *Stage) insert(ctx context.Context, partition int, rows []row) error {
	return s.insertAs(ctx, token(partition, rows), partition, rows)
}

// insertAs sends rows as one block under the caller's token.
func (s *Stage) insertAs(ctx context.Context, token string, partition int, rows []row) (err error) {
	ctx, release := attempt(ctx)
	defer release()
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{
		"insert_deduplication_token":                         token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
	}))
	block, err := s.db.PrepareBatch(ctx, insertDecisions)
	if err != nil {
		return away(err)
	}
	defer func() { err = errors.Join(err, block.Close()) }()
	for i, values := range s.columns(partition, rows) {
		if err := block.Column(i).Append(values); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return away(block.Send())
}

// away marks an error about a database or a table that does not exist as one of a store
// that is away: nothing is wrong with the rows, and they are inserted when it is there
// again.
func away(err error) error {
	if clickhouse.IsMissing(err) {
		return &consumers.AwayError{Err: err}
	}
	return err
}

// token names a block by what it holds. The same rows always have the same token, and no
// two different blocks share one: offsets of the decisions topic never repeat.
func token(partition int, rows []row) string {
	return fmt.Sprintf("decision/%d/%d-%d/%d", partition, rows[0].logOffset, rows[len(rows)-1].logOffset, len(rows))
}

// columns are the values of insert.sql, in its order.
func (s *Stage) columns(partition int, rows []row) []any {
	hasher := s.pseudonym.hasher()
	now := s.now()
	return []any{
		words(rows, func(r *row) string { return r.Cause.Topic }),
		column(rows, func(r *row) int32 { return int32(r.Cause.Partition) }),
		column(rows, func(r *row) int64 { return r.Cause.Offset }),
		column(rows, func(*row) int32 { return int32(partition) }),
		column(rows, func(r *row) int64 { return r.logOffset }),
		column(rows, func(r *row) uuid.UUID { return r.ApplicationID }),
		column(rows, func(r *row) string { return r.Disposition.String() }),
		column(rows, func(r *row) string { return r.Outcome.String() }),
		column(rows, func(r *row) []string { return r.Reasons.Codes() }),
		words(rows, func(r *row) string { return r.Policy }),
		words(rows, func(r *row) string { return r.Kind.String() }),
		column(rows, func(r *row) uint8 { return uint8(r.Article) }),
		column(rows, func(r *row) uint16 { return uint16(r.Months) }),
		words(rows, func(r *row) string { return r.Channel.String() }),
		column(rows, func(r *row) uint64 { return hasher.person(r.CivilID) }),
		column(rows, func(r *row) uint64 { return hasher.sponsor(r.SponsorID) }),
		column(rows, func(r *row) int64 { return int64(r.FeeDue) }),
		column(rows, func(r *row) int64 { return int64(r.FeePaid) }),
		dates(rows, func(r *row) schema.Date { return r.OldExpiry }),
		dates(rows, func(r *row) schema.Date { return r.NewExpiry }),
		column(rows, func(r *row) time.Time { return r.SubmittedAt }),
		column(rows, func(r *row) time.Time { return r.ReceivedAt }),
		column(rows, func(r *row) time.Time { return r.DecidedAt }),
		column(rows, func(r *row) time.Time { return r.publishedAt }),
		column(rows, func(*row) time.Time { return now }),
	}
}

func column[V any](rows []row, value func(*row) V) []V {
	values := make([]V, len(rows))
	for i := range rows {
		values[i] = value(&rows[i])
	}
	return values
}

// words are strings of which there are few different ones. The driver makes an interface
// of each, on the heap; here equal ones that follow one another share theirs.
func words(rows []row, word func(*row) string) []any {
	values := make([]any, len(rows))
	last, shared := "", any("")
	for i := range rows {
		if w := word(&rows[i]); w != last {
			last, shared = w, w
		}
		values[i] = shared
	}
	return values
}

// dates are null where a row has none. Those of a column share one piece of memory.
func dates(rows []row, date func(*row) schema.Date) []*time.Time {
	times, values := make([]time.Time, len(rows)), make([]*time.Time, len(rows))
	for i := range rows {
		if d := date(&rows[i]); d != 0 {
			times[i] = d.Time()
			values[i] = &times[i]
		}
	}
	return values
}
