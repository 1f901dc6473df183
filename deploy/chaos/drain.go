package chaos

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
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

// progress counts steps: for each message one when it is decided, one when it is answered, and
// one when its answer can be queried. The target is what there
// must be in the end.
func (e *experiment) progress(ctx context.Context) (reached, target int64, err error) {
	for _, c := range channels() {
		ends, err := kafka.Ends(ctx, e.at.Brokers, e.topics.Submissions(c))
		if err != nil {
			return 0, 0, err
		}
		for _, end := range ends {
			target += 2 * end.Next
		}
	}
	var rows int64
	if err := e.postgres.QueryRow(ctx, selectProgress).Scan(&reached, &rows); err != nil {
		return 0, 0, fmt.Errorf("ask how far the record is: %w", err)
	}
	_, distinct, err := e.rowCounts(ctx)
	return reached + int64(distinct), target + rows, err
}

// rowCounts is how many rows there are in ClickHouse, and how many answers they are.
func (e *experiment) rowCounts(ctx context.Context) (rows, distinct uint64, err error) {
	err = e.clickhouse.QueryRow(ctx, selectRowCounts).Scan(&rows, &distinct)
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
			e.say(fmt.Sprintf("ClickHouse has %d rows for %d answers", rows, distinct))
			e.doubles = rows - distinct
		}
		e.mu.Unlock()
	}
}

// verify verifies the books of the installation, from the stores themselves.
func (e *experiment) verify(ctx context.Context) error {
	books, err := verify.Run(ctx, verify.Config{
		Brokers: e.at.Brokers, Topics: e.topics, Postgres: e.postgres, ClickHouse: e.clickhouse,
	})
	if err != nil {
		return fmt.Errorf("verify the books: %w", err)
	}
	if !books.Balanced {
		e.found.notef(&e.found.Unbalanced, "unbalanced", "verify says so: %s", books.Text())
	}
	return nil
}
