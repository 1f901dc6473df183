package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// ErrNoTopics says that there is no topic for the stage to read. It waits for one.
var ErrNoTopics = errors.New("there is no topic to read")

// topicsSoon is how often topics are asked for while nothing is read.
const topicsSoon = time.Second

// discovery finds out which topics there are to read. One goroutine at a time uses it.
type discovery struct {
	ask    func(context.Context) (map[string]int, error)
	every  time.Duration
	log    *slog.Logger
	topics map[string]int // as last found, and how many partitions each has; never changed
	failed bool           // whether that is older than the last attempt
}

func (e *Engine) newDiscovery() *discovery {
	return &discovery{ask: e.config.Topics, every: e.config.TopicsEvery, log: e.log}
}

// look asks once. If it fails, what was found last stands. Only the first failure of some in
// a row is logged.
func (d *discovery) look(ctx context.Context) error {
	found, err := d.ask(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		if !d.failed {
			d.log.Warn("cannot find which topics there are; those found last are read on", "error", err)
		}
		d.failed = true
		return fmt.Errorf("find the topics: %w", err)
	case d.failed:
		d.log.Info("which topics there are is known again")
	}
	d.failed = false
	if d.topics == nil || !maps.Equal(d.topics, found) {
		d.log.Info("the topics to read", "topics", slices.Sorted(maps.Keys(found)))
		d.topics = maps.Clone(found)
	}
	if len(found) == 0 {
		return ErrNoTopics
	}
	return nil
}

// awaitTopics waits until there are topics to read; meanwhile the stage is not ready. It is
// false when ctx has ended.
func (e *Engine) awaitTopics(ctx context.Context, d *discovery) bool {
	for ctx.Err() == nil && len(d.topics) == 0 {
		if err := d.look(ctx); err != nil {
			e.setAbsent(err)
			_ = wait(ctx, min(d.every, topicsSoon))
		}
	}
	return ctx.Err() == nil
}

// awaitChange waits until there are other topics than those found last, or until one has
// another number of partitions. It is false when ctx has ended.
func (d *discovery) awaitChange(ctx context.Context) bool {
	before := d.topics
	for wait(ctx, d.every) == nil {
		_ = d.look(ctx) // it logs what is wrong
		if !maps.Equal(before, d.topics) {
			return true
		}
	}
	return false
}
