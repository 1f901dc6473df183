package chaos

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"tajdeed/dashboards/verify"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

var (
	//go:embed progress.sql
	selectProgress string
	//go:embed extent.sql
	selectChaosExtent string
)

const (
	drainEvery = 250 * time.Millisecond
	// drainAfter is how long nothing may have moved before what is missing is taken
	// to be lost: longer than a rebalance, a restart and the longest back-off together.
	drainAfter = 60 * time.Second
)

// drain waits until everything on the log is decided, announced and queryable, or
// nothing moves any more; what is missing then, the comparison finds.
func (t *trial) drain(ctx context.Context) error {
	ticker := time.NewTicker(drainEvery)
	defer ticker.Stop()
	last, since := int64(-1), time.Now()
	for {
		come, to, err := t.progress(ctx)
		switch {
		case err == nil && come == to:
			return nil
		case err == nil && come != last:
			last, since = come, time.Now()
		case time.Since(since) > drainAfter:
			t.say(fmt.Sprintf("nothing has moved for %s, at %d of %d steps: %v", drainAfter, come, to, err))
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// progress is how far everything has come, of how far it is to come.
func (t *trial) progress(ctx context.Context) (come, to int64, err error) {
	ends, err := kafka.Ends(ctx, t.at.Brokers, t.topics.Submissions)
	if err != nil {
		return 0, 0, err
	}
	for _, end := range ends {
		to += 2 * end.Next
	}
	err = eachRow(ctx, t.cluster, selectProgress, func(scan func(...any) error) error {
		var partition int
		var next, published int64
		if err := scan(&partition, &next, &published); err != nil {
			return err
		}
		come += next + published
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	var decisions int64
	err = t.cluster.record.QueryRow(ctx, `SELECT count(*) FROM decision WHERE topic = $1`, t.topics.Submissions).Scan(&decisions)
	if err != nil {
		return 0, 0, fmt.Errorf("count the decisions: %w", err)
	}
	_, distinct, err := t.extent(ctx)
	return come + int64(distinct), to + decisions, err
}

// extent is how many rows there are in ClickHouse, and how many decisions they are.
func (t *trial) extent(ctx context.Context) (rows, distinct uint64, err error) {
	err = t.cluster.analysts.QueryRow(ctx, selectChaosExtent, t.topics.Submissions).Scan(&rows, &distinct)
	if err != nil {
		return 0, 0, fmt.Errorf("count the analysts' rows: %w", err)
	}
	return rows, distinct, nil
}

// doublesEvery is often enough to see rows that stand twice before a merge makes
// them one.
const doublesEvery = time.Second

// watchDoubles asks ClickHouse again and again whether a row stands twice. While it
// doesn't answer, nobody else sees doubles there either.
func (t *trial) watchDoubles(ctx context.Context) {
	ticker := time.NewTicker(doublesEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// A client that hangs up in the middle of an answer would bring this build of
		// ClickHouse down.
		rows, distinct, err := t.extent(context.WithoutCancel(ctx))
		if err != nil {
			continue
		}
		t.mu.Lock()
		if rows-distinct > t.doubles {
			t.say(fmt.Sprintf("ClickHouse has %d rows for %d decisions", rows, distinct))
			t.doubles = rows - distinct
		}
		t.mu.Unlock()
	}
}

// verify has the books verified, from the stores themselves.
func (t *trial) verify(ctx context.Context) error {
	books, err := verify.Run(ctx, verify.Config{
		Brokers: t.at.Brokers, Prefix: schema.DefaultPrefix, Postgres: t.cluster.record, ClickHouse: t.cluster.analysts,
	})
	if err != nil {
		return fmt.Errorf("verify the books: %w", err)
	}
	if !books.Balanced {
		t.found.notef(&t.found.Unbalanced, "unbalanced", "verify says so: %s", books.Text())
	}
	return nil
}
