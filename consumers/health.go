package consumers

import (
	"errors"
	"fmt"

	"tajdeed/schema"
)

// health is what [Engine.Ready] tells.
type health struct {
	absent     error                           // why the process is not in the group; nil where it is
	partitions map[schema.TopicPartition]error // why an assigned partition is not worked on; nil where it is
}

var (
	errNotRunning = errors.New("it does not run")
	errStarting   = errors.New("is being taken over")
)

// stopped is how many partitions wait for an operator.
func (h *health) stopped() (n int) {
	for _, err := range h.partitions {
		if err != nil && KindOf(err) == Stopped {
			n++
		}
	}
	return n
}

// Ready says why the stage cannot do its work: it is not in the group, or it cannot work on
// one of its partitions. Having no partition is no fault.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.health.absent != nil {
		return fmt.Errorf("not in the consumer group %s: %w", e.config.Group, e.health.absent)
	}
	for partition, err := range e.health.partitions {
		if err != nil {
			return fmt.Errorf("%s: %w", partition, err)
		}
	}
	return nil
}

// Assigned returns how many partitions are assigned to the process.
func (e *Engine) Assigned() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.health.partitions)
}

// setHealth notes why partitions are not worked on, or with nil that they are.
func (e *Engine) setHealth(err error, partitions ...schema.TopicPartition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, partition := range partitions {
		e.health.partitions[partition] = err
	}
	e.metrics.stopped.Set(float64(e.health.stopped()))
}

// setJoined notes a new assignment.
func (e *Engine) setJoined(partitions []schema.TopicPartition) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health = health{partitions: make(map[schema.TopicPartition]error, len(partitions))}
	for _, p := range partitions {
		e.health.partitions[p] = errStarting
	}
	e.metrics.stopped.Set(0)
}

// setAbsent notes why the process is not in the group.
func (e *Engine) setAbsent(why error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health = health{absent: why, partitions: map[schema.TopicPartition]error{}}
	e.metrics.stopped.Set(0)
}
