package analytics

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"
)

//go:embed insert_position.sql
var insertPosition string

// notesEvery is how often a sink writes down where it stands, at most: one block of a
// few rows for all of its partitions.
const notesEvery = 2 * time.Second

// notes are where a sink's partitions stand, as far as that is not written down. All
// partitions of a process share them.
type notes struct {
	mu      sync.Mutex
	every   time.Duration
	written time.Time
	waiting map[int]note // by partition
}

// note is where one partition stands: at an offset of the decisions topic, behind
// which nothing lay at an instant.
type note struct {
	next    int64
	emptyAt time.Time
}

// add adds a partition's note and, if it is time, takes all that wait.
func (n *notes) add(partition int, where note) (due map[int]note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waiting[partition] = where
	if time.Since(n.written) < n.every {
		return nil
	}
	due = n.waiting
	n.written, n.waiting = time.Now(), map[int]note{}
	return due
}

// note tells analysts how far the sink has come, also where nothing comes: every
// decision that was published on the partition before emptyAt is in. What does not get
// written stands in the partition's next note too.
func (p *sinkPartition) note(ctx context.Context, emptyAt time.Time) error {
	if emptyAt.IsZero() {
		return nil
	}
	due := p.sink.notes.add(p.partition, note{p.next, emptyAt})
	if len(due) == 0 {
		return nil
	}
	if err := p.sink.write(ctx, due); err != nil {
		return fmt.Errorf("write down where the sink stands: %w", err)
	}
	return nil
}

func (s *Sink) write(ctx context.Context, due map[int]note) (err error) {
	ctx, cancel := context.WithTimeout(ctx, insertTimeout)
	defer cancel()
	block, err := s.db.PrepareBatch(ctx, insertPosition)
	if err != nil {
		return away(err)
	}
	defer func() { err = errors.Join(err, block.Close()) }()
	for partition, at := range due {
		// A topic that was given more partitions has at least those that are read.
		err := block.Append(int32(partition), at.next, at.emptyAt, int32(max(s.partitions, partition+1)))
		if err != nil {
			return err
		}
	}
	return away(block.Send())
}
