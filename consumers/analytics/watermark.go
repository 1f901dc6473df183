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

// watermarksEvery is how often a process writes its watermarks, at most: one block of a few
// rows for all of its partitions.
const watermarksEvery = 2 * time.Second

// watermarks are those of a process's partitions that are not written yet.
type watermarks struct {
	mu      sync.Mutex
	every   time.Duration
	written time.Time
	waiting map[int]watermark // by partition
}

// watermark is how far one partition has come: to an offset of the decisions topic, after
// which nothing lay at an instant.
type watermark struct {
	next    int64
	emptyAt time.Time
}

// add adds a partition's watermark and, if it is time to write, returns all that wait.
func (w *watermarks) add(partition int, at watermark) (due map[int]watermark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[partition] = at
	if time.Since(w.written) < w.every {
		return nil
	}
	due = w.waiting
	w.written, w.waiting = time.Now(), map[int]watermark{}
	return due
}

// tellWatermark tells analysts how far the stage has come, also where nothing comes: every
// decision that was published on the partition before emptyAt is inserted. A watermark that
// does not get written is followed by the partition's next.
func (p *stagePartition) tellWatermark(ctx context.Context, emptyAt time.Time) error {
	if emptyAt.IsZero() {
		return nil
	}
	due := p.stage.watermarks.add(p.partition, watermark{p.next, emptyAt})
	if len(due) == 0 {
		return nil
	}
	if err := p.stage.insertWatermarks(ctx, due); err != nil {
		return fmt.Errorf("insert watermarks: %w", err)
	}
	return nil
}

func (s *Stage) insertWatermarks(ctx context.Context, due map[int]watermark) (err error) {
	ctx, release := attempt(ctx)
	defer release()
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
