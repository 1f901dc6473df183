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

var (
	//go:embed insert.sql
	insertDecisions string
	//go:embed insert_unreadable.sql
	insertUnreadable string
)

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

// insert sends rows, which are of one table, as one block under a token.
func (s *Stage) insert(ctx context.Context, token string, rows []row) (err error) {
	ctx, release := attempt(ctx)
	defer release()
	ctx = driver.Context(ctx, driver.WithSettings(driver.Settings{
		"insert_deduplication_token":                         token,
		"deduplicate_blocks_in_dependent_materialized_views": 1,
	}))
	statement, columns := insertDecisions, s.columns
	if rows[0].unreadable() {
		statement, columns = insertUnreadable, s.unreadableColumns
	}
	block, err := s.DB.PrepareBatch(ctx, statement)
	if err != nil {
		return away(err)
	}
	defer func() { err = errors.Join(err, block.Close()) }()
	for i, values := range columns(rows) {
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

// token names a block of one partition's rows by what it holds. The same rows always have the
// same token, and no two different blocks share one: offsets of a decisions topic never repeat.
func token(rows []row) string {
	return fmt.Sprintf("%s/%s/%d-%d/%d", rows[0].table(), rows[0].log.TopicPartition, rows[0].logOffset, rows[len(rows)-1].logOffset, len(rows))
}

// columns are the values of insert.sql, in its order.
func (s *Stage) columns(rows []row) []any {
	hasher := s.Pseudonym.hasher()
	now := s.Now()
	return append(places(rows),
		column(rows, func(r *row) uuid.UUID { return r.ApplicationID }),
		words(rows, func(r *row) string { return r.Disposition.String() }),
		words(rows, func(r *row) string { return r.Outcome.String() }),
		column(rows, func(r *row) []string { return r.ReasonCodes() }),
		words(rows, func(r *row) string { return r.Policy }),
		column(rows, func(r *row) uint32 { return uint32(r.Revision) }),
		column(rows, func(r *row) bool { return r.Simulation }),
		words(rows, func(r *row) string { return r.Kind.String() }),
		column(rows, func(r *row) uint8 { return uint8(r.Article) }),
		column(rows, func(r *row) uint16 { return uint16(r.Months) }),
		words(rows, func(r *row) string { return r.log.channel }),
		column(rows, func(r *row) uint64 { return hasher.person(r.CivilID) }),
		column(rows, func(r *row) uint64 { return hasher.sponsor(r.SponsorID) }),
		column(rows, func(r *row) int64 { return int64(r.FeeDue) }),
		column(rows, func(r *row) int64 { return int64(r.FineDue) }),
		column(rows, func(r *row) int64 { return int64(r.FeePaid) }),
		dates(rows, func(r *row) schema.Date { return r.OldExpiry }),
		dates(rows, func(r *row) schema.Date { return r.NewExpiry }),
		column(rows, func(r *row) time.Time { return r.SubmittedAt }),
		column(rows, func(r *row) time.Time { return r.ReceivedAt }),
		column(rows, func(r *row) time.Time { return r.DecidedAt }),
		column(rows, func(r *row) time.Time { return r.publishedAt }),
		column(rows, func(*row) time.Time { return now }),
	)
}

// unreadableColumns are the values of insert_unreadable.sql, in its order.
func (s *Stage) unreadableColumns(rows []row) []any {
	now := s.Now()
	return append(places(rows),
		words(rows, func(r *row) string { return r.log.channel }),
		words(rows, func(r *row) string { return r.rule.String() }),
		column(rows, func(r *row) bool { return r.Simulation }),
		column(rows, func(r *row) time.Time { return r.ReceivedAt }),
		column(rows, func(r *row) time.Time { return r.publishedAt }),
		column(rows, func(*row) time.Time { return now }),
	)
}

// places are the columns with which both tables begin: where the causes lie, and where the
// answers.
func places(rows []row) []any {
	return []any{
		words(rows, func(r *row) string { return r.Cause.Topic }),
		column(rows, func(r *row) int32 { return int32(r.Cause.Partition) }),
		column(rows, func(r *row) int64 { return r.Cause.Offset }),
		words(rows, func(r *row) string { return r.log.Topic }),
		column(rows, func(r *row) int32 { return int32(r.log.Partition) }),
		column(rows, func(r *row) int64 { return r.logOffset }),
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
