package chaos

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/deploy/local"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	kafkatopics "tajdeed/schema/kafka"
)

// garbage is what one partition of the flooding channel is sent once in a round: so many
// messages that cannot be read, one after the other, that the stage stops that partition. It
// stays stopped until the round's end. All other partitions must go on meanwhile.
type garbage struct {
	kept      []kafka.Message // unreadable messages that were published before
	began     time.Time
	partition int
	sent      bool
}

const (
	// garbageMessages are more than the stage looks back on, so that a worker that takes the
	// stopped partition over stops it again.
	garbageMessages, garbageKept = 3000, 50
	garbageAfter                 = 6 * time.Second // since the round began
)

func (g *garbage) begin(round int) {
	g.began, g.partition, g.sent = time.Now(), round%partitions, false
}

// keep keeps a message to send it again, if it cannot be read and is small.
func (g *garbage) keep(m *kafka.Message, expect *simulate.Expectation) {
	if !expect.Readable() && expect.Rule != schema.RuleOversize && len(g.kept) < garbageKept {
		g.kept = append(g.kept, *m)
	}
}

func (g *garbage) due() bool { return !g.sent && time.Since(g.began) > garbageAfter && len(g.kept) > 0 }

// take returns the garbage for a topic; none if it was sent in this round.
func (g *garbage) take(topic string) []kafka.Message {
	if g.sent || len(g.kept) == 0 {
		return nil
	}
	g.sent = true
	messages := make([]kafka.Message, garbageMessages)
	for i := range messages {
		messages[i] = g.kept[i%len(g.kept)]
		messages[i].Topic, messages[i].Partition = topic, g.partition
	}
	return messages
}

// endGarbage waits until all partitions but the one that is stopped are through. Then it
// restarts the stage with leave to quarantine any share.
func (e *experiment) endGarbage(ctx context.Context) error {
	if !e.load.garbage.sent {
		return nil
	}
	flooded := schema.TopicPartition{Topic: e.topics.Submissions(flooding), Partition: e.load.garbage.partition}
	var left []behind
	err := drainPatience.Await(ctx, "all partitions but the flooded one", func() (reached int64, done bool, err error) {
		reached, left, err = e.progressOf(ctx)
		done = !slices.ContainsFunc(left, func(b behind) bool { return b.at != flooded })
		return reached, done, err
	})
	if err != nil && !errors.Is(err, local.ErrStandsStill) {
		return err
	}
	for _, b := range left {
		if b.at == flooded {
			e.stopped++
			e.say(fmt.Sprintf("%s is stopped, %d messages wait there; all others are to be through", b.at, b.messages))
			continue
		}
		e.found.notef(&e.found.HeldUp, "held up", "%s, where %d messages wait beside a stopped partition", b.at, b.messages)
	}
	e.say("restarting the workers, which may now quarantine any share of a partition")
	if err := e.restartRenewals(true); err != nil {
		e.complain(err)
	}
	return nil
}

// behind is a partition of which messages are not decided, or not answered.
type behind struct {
	at       schema.TopicPartition
	messages int64
}

//go:embed positions.sql
var selectPositions string

// progressOf counts the steps of all partitions, and returns those that are behind.
func (e *experiment) progressOf(ctx context.Context) (reached int64, left []behind, err error) {
	answered := map[schema.TopicPartition]int64{}
	err = e.eachPostgresRow(ctx, func(scan func(...any) error) error {
		var at schema.TopicPartition
		var next, published int64
		err := scan(&at.Topic, &at.Partition, &next, &published)
		answered[at] = min(next, published)
		reached += next + published
		return err
	}, selectPositions)
	if err != nil {
		return 0, nil, err
	}
	for _, channel := range e.allChannels() {
		topic := e.topics.Submissions(channel)
		ends, err := kafkatopics.Ends(ctx, e.at.Brokers, topic)
		if err != nil {
			return 0, nil, err
		}
		for partition, end := range ends {
			at := schema.TopicPartition{Topic: topic, Partition: partition}
			if waiting := end.Next - answered[at]; waiting > 0 {
				left = append(left, behind{at, waiting})
			}
		}
	}
	return reached, left, nil
}

// complain keeps what went wrong without being a finding.
func (e *experiment) complain(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.complaints = append(e.complaints, err.Error())
}
