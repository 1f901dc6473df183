package analytics

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"tajdeed/schema"
)

//go:embed insert_position.sql
var insertPosition string

// watermarksEvery is how often a process writes its watermarks, at most: one block of a few
// rows for all of its partitions.
const watermarksEvery = 2 * time.Second

// watermarks are those of a process's partitions that are not written yet.
type watermarks struct {
	mu      sync.Mutex
	every   time.Duration
	written time.Time
	waiting map[schema.TopicPartition]watermark

	// How many partitions the decisions topics had, and when that was asked.
	partitions int
	knownAt    time.Time
}

// setKnown notes which topics there were at a time.
func (w *watermarks) setKnown(topics map[string]int, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partitions, w.knownAt = 0, at
	for _, partitions := range topics {
		w.partitions += partitions
	}
}

// known returns what was noted.
func (w *watermarks) known() (partitions int, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.partitions, w.knownAt
}

// watermark is how far one partition has come: to an offset of its decisions topic, after
// which nothing lay at an instant.
type watermark struct {
	next    int64
	emptyAt time.Time
}

// add adds a partition's watermark and, if it is time to write, returns all that wait.
func (w *watermarks) add(partition schema.TopicPartition, at watermark) (due map[schema.TopicPartition]watermark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[partition] = at
	if time.Since(w.written) < w.every {
		return nil
	}
	due = w.waiting
	w.written, w.waiting = time.Now(), map[schema.TopicPartition]watermark{}
	return due
}

// tellWatermark tells analysts how far the stage has come, also where nothing comes: every
// answer that was published on the partition before emptyAt is inserted. A watermark that
// does not get written is followed by the partition's next.
func (p *stagePartition) tellWatermark(ctx context.Context, emptyAt time.Time) error {
	if emptyAt.IsZero() {
		return nil
	}
	due := p.stage.watermarks.add(p.TopicPartition, watermark{p.next, emptyAt})
	if len(due) == 0 {
		return nil
	}
	if err := p.stage.insertWatermarks(ctx, due); err != nil {
		return fmt.Errorf("insert watermarks: %w", err)
	}
	return nil
}

func (s *Stage) insertWatermarks(ctx context.Context, due map[schema.TopicPartition]watermark) (err error) {
	ctx, release := attempt(ctx)
	defer release()
	block, err := s.DB.PrepareBatch(ctx, insertPosition)
	if err != nil {
		return away(err)
	}
	defer func() { err = errors.Join(err, block.Close()) }()
	partitions, knownAt := s.watermarks.known()
	for partition, at := range due {
		err := block.Append(partition.Topic, int32(partition.Partition), at.next, at.emptyAt, int32(partitions), knownAt)
		if err != nil {
			return err
		}
	}
	return away(block.Send())
}
