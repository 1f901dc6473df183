package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"tajdeed/deploy/local"
	"tajdeed/schema/kafka"
)

//go:embed positions.sql
var selectPositions string

//go:embed decisions.sql
var selectDecisions string

//go:embed complete.sql
var selectComplete string

//go:embed rows.sql
var selectRows string

//go:embed latency.sql
var selectLatency string

// tally counts what became of what a run published: of all messages that lie, in each
// partition, at or after the partition's end before the run.
type tally struct {
	installation *installation
	partitions   []int32
	from         []int64
}

func (i *installation) newTally(ctx context.Context) (*tally, error) {
	ends, err := kafka.Ends(ctx, i.at.Brokers, i.topics.Submissions)
	if err != nil {
		return nil, err
	}
	a := &tally{installation: i}
	for partition, end := range ends {
		a.partitions, a.from = append(a.partitions, int32(partition)), append(a.from, end.Next)
	}
	return a, nil
}

// patience says how long nothing may move before what is missing is taken to be lost.
var patience = local.Patience{Every: 50 * time.Millisecond, Still: time.Minute}

// await waits until it is done, or until the figure stands still: then the books say what
// is missing.
func await(ctx context.Context, what string, ask func() (figure int64, done bool, err error)) error {
	if err := patience.Await(ctx, what, ask); !errors.Is(err, local.ErrStandsStill) {
		return err
	}
	return nil
}

// awaitAnswers waits until everything that was published since begin is decided, announced
// and can be queried, or until nothing moves any more, and counts what came out.
func (a *tally) awaitAnswers(ctx context.Context, published int64, begin time.Time) (r Result, err error) {
	r.Published = published
	err = await(ctx, "the record", func() (int64, bool, error) {
		err := a.ask(ctx, selectPositions, &r.Consumed, &r.announced)
		return r.Consumed + r.announced, r.Consumed >= published && r.announced >= published, err
	})
	if err != nil {
		return r, err
	}
	err = a.ask(ctx, selectDecisions, &r.Approved, &r.Rejected, &r.Duplicates, &r.Conflicts, &r.Quarantined)
	if err != nil {
		return r, err
	}
	err = await(ctx, "ClickHouse's rows", func() (int64, bool, error) {
		var rows uint64
		err := a.askClickHouse(ctx, selectRows, &rows)
		r.ClickHouseRows = int64(rows)
		return r.ClickHouseRows, r.ClickHouseRows >= r.decided(), err
	})
	if err != nil {
		return r, err
	}
	r.setDuration(time.Since(begin))
	return r, await(ctx, "the latency", func() (int64, bool, error) {
		err := a.askClickHouse(ctx, selectLatency, &r.LatencyMS.P50, &r.LatencyMS.P99)
		return 0, err == nil, err
	})
}

// awaitCompleteness waits until ClickHouse says that it has every decision: the analytics
// stage writes that when a partition has been quiet for a moment.
func (a *tally) awaitCompleteness(ctx context.Context) error {
	return await(ctx, "the completeness of ClickHouse", func() (_ int64, complete bool, err error) {
		err = a.installation.clickhouse.QueryRow(ctx, selectComplete).Scan(&complete)
		return 0, complete, err
	})
}

func (a *tally) ask(ctx context.Context, query string, into ...any) error {
	err := a.installation.postgres.QueryRow(ctx, query, a.installation.topics.Submissions, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	return nil
}

func (a *tally) askClickHouse(ctx context.Context, query string, into ...any) error {
	err := a.installation.clickhouse.QueryRow(ctx, query, a.installation.topics.Submissions, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count the rows of ClickHouse: %w", err)
	}
	return nil
}
