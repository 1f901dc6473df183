package producers

import (
	"context"
	"sync"
)

// nextBatch returns the next messages to send of a run, whose first messages, sent of
// them, were sent.
func (c *call) nextBatch(r run, sent, maxBytes int) batch {
	unsent := r.index[sent:]
	n, _ := fitting(c.msgs, unsent, maxBytes)
	return batch{topic: c.topics[r.topic].topicMetrics, partition: r.partition, msgs: c.msgs, index: unsent[:n]}
}

// group is runs, of any topics, whose first batches share a request, because one broker
// leads their partitions.
type group struct {
	runs  []int // indices of the call's runs
	bytes int
}

// groups puts runs together by their leaders, as far as they fit into a request of
// maxBytes; a run whose leader is not known is alone in its group. The limit is there
// because a broker closes the connection on a request of more than 100 MiB
// (socket.request.max.bytes), and a batch that fills a request gains nothing by
// sharing it.
func (c *call) groups(maxBytes int) []*group {
	var groups []*group
	open := make(map[int32]*group)
	for i, r := range c.runs {
		_, bytes := fitting(c.msgs, r.index, maxBytes)
		leader := c.topics[r.topic].leaders.leaderOf(r.partition)
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

// sent is a run and what became of it.
type sent struct {
	topic  *topicMetrics
	run    run
	result result
}

// sendRuns sends the groups side by side.
func (p *Publisher) sendRuns(ctx context.Context, c *call) []sent {
	if len(c.runs) == 0 {
		return nil
	}
	results := make([]result, len(c.runs))
	groups := c.groups(p.config.MaxBatchBytes)
	var sending sync.WaitGroup
	for _, g := range groups[1:] {
		sending.Go(func() { p.sendGroup(ctx, c, g, results) })
	}
	p.sendGroup(ctx, c, groups[0], results)
	sending.Wait()
	all := make([]sent, len(c.runs))
	for i, r := range c.runs {
		all[i] = sent{topic: c.topics[r.topic].topicMetrics, run: r, result: results[i]}
	}
	return all
}

// sendGroup sends a group's first batches in one request. What is then left of each
// run is sent by itself, so that a slow or broken partition delays no other any longer.
func (p *Publisher) sendGroup(ctx context.Context, c *call, g *group, results []result) {
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

// sendJointly makes one attempt to send the first batches of all runs of a group. It is
// the first attempt of those that fail.
func (p *Publisher) sendJointly(ctx context.Context, c *call, g *group, results []result) {
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
