package chaos

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

var (
	//go:embed progress.sql
	selectProgress string
	//go:embed row_counts.sql
	selectRowCounts string
)

// drainAfter is how long nothing may have moved, or answered, before what is missing is
// taken to be lost: longer than a rebalance, a restart and the longest back-off together.
const drainAfter = 60 * time.Second

var drainPatience = local.Patience{Every: 250 * time.Millisecond, Still: drainAfter, Away: drainAfter}

// drain waits until every published message is decided, announced and queryable, or until
// nothing moves any more: the comparison then finds what is missing.
func (e *experiment) drain(ctx context.Context) error {
	var target int64
	err := drainPatience.Await(ctx, "all that was published to be queryable", func() (reached int64, done bool, err error) {
		reached, target, err = e.progress(ctx)
		return reached, reached == target, err
	})
	if errors.Is(err, local.ErrStandsStill) {
		e.say(fmt.Sprintf("%v; %d are to be reached", err, target))
		return nil
	}
	return err
}

// progress counts steps: for each message one when it is decided and one when its decision
// is announced, and for each decision one when it can be queried. The target is what there
// must be in the end.
func (e *experiment) progress(ctx context.Context) (reached, target int64, err error) {
	ends, err := kafka.Ends(ctx, e.at.Brokers, e.topics.Submissions)
	if err != nil {
		return 0, 0, err
	}
	for _, end := range ends {
		target += 2 * end.Next
	}
	err = e.eachPostgresRow(ctx, func(scan func(...any) error) error {
		var partition int
		var next, published int64
		if err := scan(&partition, &next, &published); err != nil {
			return err
		}
		reached += next + published
		return nil
	}, selectProgress, e.topics.Submissions)
	if err != nil {
		return 0, 0, err
	}
	var decisions int64
	err = e.postgres.QueryRow(ctx, `SELECT count(*) FROM decision WHERE topic = $1`, e.topics.Submissions).Scan(&decisions)
	if err != nil {
		return 0, 0, fmt.Errorf("count the decisions: %w", err)
	}
	_, distinct, err := e.rowCounts(ctx)
	return reached + int64(distinct), target + decisions, err
}

// rowCounts is how many rows there are in ClickHouse, and how many decisions they are.
func (e *experiment) rowCounts(ctx context.Context) (rows, distinct uint64, err error) {
	err = e.clickhouse.QueryRow(ctx, selectRowCounts, e.topics.Submissions).Scan(&rows, &distinct)
	if err != nil {
		return 0, 0, fmt.Errorf("count the rows of ClickHouse: %w", err)
	}
	return rows, distinct, nil
}

// doublesEvery is often enough to see two equal rows before a merge makes them one.
const doublesEvery = time.Second

// watchDoubles asks ClickHouse until ctx ends whether a row is there twice. An error is
// passed over: while ClickHouse does not answer, nobody sees doubles in it.
func (e *experiment) watchDoubles(ctx context.Context) {
	for local.Pause(ctx, doublesEvery) {
		// The query outlives ctx: a client that ends its connection in the middle of an
		// answer would make this build of ClickHouse crash.
		rows, distinct, err := e.rowCounts(context.WithoutCancel(ctx))
		if err != nil {
			continue
		}
		e.mu.Lock()
		if rows-distinct > e.doubles {
			e.say(fmt.Sprintf("ClickHouse has %d rows for %d decisions", rows, distinct))
			e.doubles = rows - distinct
		}
		e.mu.Unlock()
	}
}

// verify verifies the books of the installation, from the stores themselves.
func (e *experiment) verify(ctx context.Context) error {
	books, err := verify.Run(ctx, verify.Config{
		Brokers: e.at.Brokers, Prefix: schema.DefaultPrefix, Postgres: e.postgres, ClickHouse: e.clickhouse,
	})
	if err != nil {
		return fmt.Errorf("verify the books: %w", err)
	}
	if !books.Balanced {
		e.found.notef(&e.found.Unbalanced, "unbalanced", "verify says so: %s", books.Text())
	}
	return nil
}
