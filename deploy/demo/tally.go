package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

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
	topics       []string // of submissions
	partitions   int      // of each topic
	from         []int64  // by topic and partition: see place
	answers      *answers
}

// newTally notes where every partition ends now.
func (i *installation) newTally(ctx context.Context) (*tally, error) {
	channels, err := kafka.Check(ctx, i.at.Brokers, i.topics)
	if err != nil {
		return nil, err
	}
	a := &tally{installation: i, partitions: channels.Partitions}
	for _, channel := range channels.Usable {
		topic := i.topics.Submissions(channel)
		ends, err := kafka.Ends(ctx, i.at.Brokers, topic)
		if err != nil {
			return nil, err
		}
		a.topics = append(a.topics, topic)
		for partition := range channels.Partitions {
			a.from = append(a.from, ends[partition].Next)
		}
	}
	a.answers, err = a.newAnswers(ctx)
	return a, err
}

// place is where a partition is in the lists that have one entry for each.
func (a *tally) place(topic, partition int) int { return topic*a.partitions + partition }

// run returns the partitions as Postgres takes them: a list of their topics, one of their
// numbers, and one of the offsets at which the run began.
func (a *tally) run() (topics []string, partitions []int32, from []int64) {
	for _, topic := range a.topics {
		for partition := range a.partitions {
			topics, partitions = append(topics, topic), append(partitions, int32(partition))
		}
	}
	return topics, partitions, a.from
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

// awaitOutcome waits until everything that was published since begin is decided, announced
// and can be queried, or until nothing moves any more, and counts what came out.
func (a *tally) awaitOutcome(ctx context.Context, published int64, begin time.Time) (r Result, err error) {
	r.Published = published
	err = await(ctx, "the record", func() (int64, bool, error) {
		err := a.ask(ctx, selectPositions, &r.Consumed, &r.announced)
		return r.Consumed + r.announced, r.Consumed >= published && r.announced >= published, err
	})
	if err != nil {
		return r, err
	}
	if err := a.countDecisions(ctx, &r); err != nil {
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

// countDecisions counts what the record holds, in all and by channel.
func (a *tally) countDecisions(ctx context.Context, r *Result) error {
	topics, partitions, from := a.run()
	rows, err := a.installation.postgres.Query(ctx, selectDecisions, topics, partitions, from)
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	var topic string
	var approved, rejected, resent, conflicts, quarantined int64
	_, err = pgx.ForEachRow(rows, []any{&topic, &approved, &rejected, &resent, &conflicts, &quarantined}, func() error {
		r.Approved, r.Rejected = r.Approved+approved, r.Rejected+rejected
		r.Duplicates, r.Conflicts, r.Quarantined = r.Duplicates+resent, r.Conflicts+conflicts, r.Quarantined+quarantined
		channel := a.channel(r, topic)
		channel.Published = a.installation.byTopic.of(topic)
		channel.Decided, channel.Unreadable = approved+rejected+resent+conflicts, quarantined
		return nil
	})
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	return nil
}

// channel returns the counts of the channel that submits on a topic.
func (a *tally) channel(r *Result, topic string) *ChannelResult {
	channel, _ := a.installation.topics.SubmissionsChannel(topic)
	return r.channel(channel)
}

// countAnswers counts the answers that lie on the decisions topics.
func (a *tally) countAnswers(ctx context.Context, r *Result) error {
	counts, err := a.answers.count(ctx)
	for topic, n := range counts {
		a.channel(r, topic).Answers = n
		r.Answers += n
	}
	return err
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
	topics, partitions, from := a.run()
	err := a.installation.postgres.QueryRow(ctx, query, topics, partitions, from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	return nil
}

func (a *tally) askClickHouse(ctx context.Context, query string, into ...any) error {
	err := a.installation.clickhouse.QueryRow(ctx, query, a.topics, int64(a.partitions), a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count the rows of ClickHouse: %w", err)
	}
	return nil
}
