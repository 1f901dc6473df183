package producers

import (
	"context"
	"sync"

	"github.com/segmentio/kafka-go"
)

// call is one call's messages on their way.
type call struct {
	topic   string
	msgs    []kafka.Message
	runs    []run
	leaders leaders // nil where they are not known
}

// nextBatch is what a run has to send behind its first messages.
func (c call) nextBatch(r run, behind, maxBytes int) batch {
	rest := r.index[behind:]
	n, _ := head(c.msgs, rest, maxBytes)
	return batch{topic: c.topic, partition: r.partition, msgs: c.msgs, index: rest[:n]}
}

// A group is runs whose first batches go in one request, because one broker leads
// their partitions.
type group struct {
	runs  []int // their places among the call's
	bytes int
}

// groups puts runs together by their leaders, as far as a request of maxBytes takes
// them; one whose leader is not known stands alone. A broker closes the connection
// on a request of more than 100 MiB (socket.request.max.bytes), and what has filled
// a request gains nothing by company.
func (c call) groups(maxBytes int) []*group {
	var groups []*group
	open := make(map[int32]*group)
	for i, r := range c.runs {
		_, bytes := head(c.msgs, r.index, maxBytes)
		leader := c.leaders.of(r.partition)
		g := open[leader]
		if g == nil || g.bytes+bytes > maxBytes {
			g = &group{}
			groups = append(groups, g)
			if leader != noLeader {
				open[leader] = g
			}
		}
		g.runs = append(g.runs, i)
		g.bytes += bytes
	}
	return groups
}

// sendRuns sends the groups side by side.
func (p *Publisher) sendRuns(ctx context.Context, c call) []result {
	results := make([]result, len(c.runs))
	groups := c.groups(p.config.MaxBatchBytes)
	var sending sync.WaitGroup
	for _, g := range groups[1:] {
		sending.Go(func() { p.sendGroup(ctx, c, g, results) })
	}
	p.sendGroup(ctx, c, groups[0], results)
	sending.Wait()
	return results
}

// sendGroup sends a group's first batches jointly, and then what that leaves of each
// run on its own, so that a slow or broken partition holds no other up any longer.
func (p *Publisher) sendGroup(ctx context.Context, c call, g *group, results []result) {
	if len(g.runs) == 1 {
		i := g.runs[0]
		results[i] = p.sendRun(ctx, c, c.runs[i], result{})
		return
	}
	p.sendJointly(ctx, c, g, results)
	var sending sync.WaitGroup
	for _, i := range g.runs {
		if results[i].acked < len(c.runs[i].index) {
			sending.Go(func() { results[i] = p.sendRun(ctx, c, c.runs[i], results[i]) })
		}
	}
	sending.Wait()
}

// sendJointly makes one attempt for the first batches of all runs of a group. What
// fails has had its first attempt with that.
func (p *Publisher) sendJointly(ctx context.Context, c call, g *group, results []result) {
	batches := make([]batch, len(g.runs))
	for i, at := range g.runs {
		batches[i] = c.nextBatch(c.runs[at], 0, p.config.MaxBatchBytes)
	}
	for i, err := range p.produce(ctx, batches...) {
		n := len(batches[i].index)
		if err != nil {
			results[g.runs[i]] = result{failed: n, err: err}
		} else {
			results[g.runs[i]] = result{acked: n}
		}
	}
}
