package producers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// call is the messages of one call to Publish or PublishPlaced.
type call struct {
	msgs   []kafka.Message
	topics []callTopic // in the order of their first messages
	of     []int32     // the topic of each message; nil where there is only one
	runs   []run
}

// callTopic is a topic of a call.
type callTopic struct {
	*topicMetrics

	leaders   leaders // nil where they are not known
	firstSlot int     // see splitByKey
}

// newCall finds out the topics of messages. The error is that one names none.
func (p *Publisher) newCall(msgs []kafka.Message) (*call, error) {
	c := &call{msgs: msgs}
	at := -1
	for i := range msgs {
		name := msgs[i].Topic
		if at < 0 || name != c.topics[at].name { // mostly it is the topic of the one before
			if name == "" {
				return nil, fmt.Errorf("publish: %w: message %d of %d names no topic", ErrRefused, i, len(msgs))
			}
			at = c.addTopic(p, name)
		}
		if c.of != nil {
			c.of[i] = int32(at)
		}
	}
	return c, nil
}

// addTopic returns where a topic is in the list, and adds it where it is new.
func (c *call) addTopic(p *Publisher, name string) int {
	at := slices.IndexFunc(c.topics, func(t callTopic) bool { return t.name == name })
	if at >= 0 {
		return at
	}
	c.topics = append(c.topics, callTopic{topicMetrics: p.topic(name)})
	if len(c.topics) == 2 {
		c.of = make([]int32, len(c.msgs)) // all so far are of the first
	}
	return len(c.topics) - 1
}

func (c *call) topicOf(message int) int {
	if c.of == nil {
		return 0
	}
	return int(c.of[message])
}

func (c *call) observe(start time.Time) {
	for t := range c.topics {
		c.topics[t].duration.Observe(time.Since(start).Seconds())
	}
}

// sendByKey sends the messages to the partitions that their keys choose. The topics whose
// partitions are known share requests. Each other one waits for itself: a topic that is
// about to be created holds no other up.
func (p *Publisher) sendByKey(ctx context.Context, c *call) []sent {
	p.learnLeaders(ctx, c)
	c.splitByKey()
	waiting := c.takeUnknown()
	late := make([][]sent, len(waiting))
	var sending sync.WaitGroup
	for i, r := range waiting {
		sending.Go(func() { late[i] = p.sendWhenKnown(ctx, c, r) })
	}
	all := p.sendRuns(ctx, c)
	sending.Wait()
	return append(all, slices.Concat(late...)...)
}

// takeUnknown takes the runs out of which the partitions are not known, and returns them.
func (c *call) takeUnknown() (unknown []run) {
	c.runs = slices.DeleteFunc(c.runs, func(r run) bool {
		if r.partition == unknownPartition {
			unknown = append(unknown, r)
		}
		return r.partition == unknownPartition
	})
	return unknown
}

// sendWhenKnown waits until a topic's partitions are known, and sends a run's messages as
// a call of their own.
func (p *Publisher) sendWhenKnown(ctx context.Context, c *call, r run) []sent {
	topic := callTopic{topicMetrics: c.topics[r.topic].topicMetrics}
	var err error
	if topic.leaders, err = p.findLeaders(ctx, topic.topicMetrics); err != nil {
		return []sent{{topic: topic.topicMetrics, run: r, result: result{failed: len(r.index), err: err}}}
	}
	own := &call{topics: []callTopic{topic}, msgs: make([]kafka.Message, len(r.index))}
	for i, at := range r.index {
		own.msgs[i] = c.msgs[at]
	}
	own.splitByKey()
	all := p.sendRuns(ctx, own)
	for _, s := range all {
		for i, at := range s.run.index {
			s.run.index[i] = r.index[at]
		}
	}
	return all
}

// sendPlaced sends each message to the partition that it names. A run whose partition has
// no known leader is sent by itself, and its attempts wait for the leader.
func (p *Publisher) sendPlaced(ctx context.Context, c *call) []sent {
	c.splitByPlace()
	if len(c.runs) > 1 {
		p.learnLeaders(ctx, c)
	}
	return p.sendRuns(ctx, c)
}
