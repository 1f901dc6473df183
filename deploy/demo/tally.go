package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tajdeed/deploy/local"
	"tajdeed/schema"
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
// partition of the channels' topics, at or after the partition's end before the run.
type tally struct {
	installation *installation
	channels     []schema.Channel
	answersFrom  map[schema.Channel]int64 // how many answers lay on its topic before the run

	// The partitions' ends before the run: one of each for every partition.
	topics     []string
	partitions []int32
	from       []int64
}

func (i *installation) newTally(ctx context.Context) (*tally, error) {
	found, err := kafka.Check(ctx, i.at.Brokers, i.topics)
	if err != nil {
		return nil, err
	}
	a := &tally{installation: i, channels: found.Usable, answersFrom: map[schema.Channel]int64{}}
	for _, c := range a.channels {
		topic := i.topics.Submissions(c)
		ends, err := kafka.Ends(ctx, i.at.Brokers, topic)
		if err != nil {
			return nil, err
		}
		for partition, end := range ends {
			a.topics, a.partitions, a.from = append(a.topics, topic), append(a.partitions, int32(partition)), append(a.from, end.Next)
		}
		if a.answersFrom[c], err = a.countAnswers(ctx, c); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// countAnswers counts the answers that lie on a channel's decisions topic.
func (a *tally) countAnswers(ctx context.Context, c schema.Channel) (n int64, err error) {
	ends, err := kafka.Ends(ctx, a.installation.at.Brokers, a.installation.topics.Decisions(c))
	for _, end := range ends {
		n += end.Next
	}
	return n, err
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

// awaitAnswers waits until everything that was published since begin is decided, answered and
// can be queried, or until nothing moves any more, and counts what came out.
func (a *tally) awaitAnswers(ctx context.Context, published map[schema.Channel]int64, begin time.Time) (r Result, err error) {
	for _, n := range published {
		r.Published += n
	}
	err = await(ctx, "the record", func() (int64, bool, error) {
		err := a.ask(ctx, selectPositions, &r.Consumed, &r.announced)
		return r.Consumed + r.announced, r.Consumed >= r.Published && r.announced >= r.Published, err
	})
	if err != nil {
		return r, err
	}
	if err := a.countChannels(ctx, &r, published); err != nil {
		return r, err
	}
	err = await(ctx, "ClickHouse's rows", func() (int64, bool, error) {
		var decided, unreadable uint64
		err := a.askClickHouse(ctx, selectRows, &decided, &unreadable)
		r.ClickHouseRows, r.unreadableRows = int64(decided), int64(unreadable)
		return r.ClickHouseRows + r.unreadableRows, r.ClickHouseRows >= r.decided() && r.unreadableRows >= r.Quarantined, err
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

// countChannels counts by channel what became of the messages, and adds it up.
func (a *tally) countChannels(ctx context.Context, r *Result, published map[schema.Channel]int64) error {
	rows, err := a.installation.postgres.Query(ctx, selectDecisions, a.topics, a.partitions, a.from)
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	r.Channels = map[schema.Channel]*ChannelResult{}
	var topic string
	var n Outcomes
	_, err = pgx.ForEachRow(rows, []any{&topic, &n.Approved, &n.Rejected, &n.Duplicates, &n.Conflicts, &n.Quarantined}, func() error {
		c, _ := a.installation.topics.SubmissionsChannel(topic)
		r.Channels[c] = &ChannelResult{Published: published[c], Outcomes: n}
		r.add(n)
		return nil
	})
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	for c, result := range r.Channels {
		answers, err := a.countAnswers(ctx, c)
		if err != nil {
			return err
		}
		result.Answers = answers - a.answersFrom[c]
		r.Answers += result.Answers
	}
	return nil
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
	err := a.installation.postgres.QueryRow(ctx, query, a.topics, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	return nil
}

func (a *tally) askClickHouse(ctx context.Context, query string, into ...any) error {
	places := make([]string, len(a.topics))
	for i, topic := range a.topics {
		places[i] = fmt.Sprintf("%s/%d", topic, a.partitions[i])
	}
	err := a.installation.clickhouse.QueryRow(ctx, query, places, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count the rows of ClickHouse: %w", err)
	}
	return nil
}
