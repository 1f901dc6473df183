package analytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// jointWork are batches of different partitions that are inserted as one block: what a block
// costs ClickHouse hardly depends on how much is in it, see [DefaultConfig].
//
// A block of one partition can be made again by whoever takes that over. This one cannot: its
// partitions may go to different workers. So its token is a name that was never used before,
// each partition's claim tells it, and each partition's rows are in it as a whole or not at
// all. Who finds such a claim uses the token up, see [work.settle]. From then on the block of
// the worker before has arrived or never will, and the table says which.
//
// That worker may take the answer to a block that was dropped so for a success. It has lost all
// of the block's partitions then: only a later generation of the group has other owners, and
// in that it can write no claim any more.
type jointWork struct {
	stage *Stage
	works []*work
}

// Join returns works that insert the rows of all their partitions as one block.
func (s *Stage) Join(works []consumers.Work) consumers.Work {
	j := jointWork{stage: s, works: make([]*work, len(works))}
	for i, w := range works {
		j.works[i] = w.(*work) //nolint:forcetypeassert // the works are those that Prepare returned
	}
	return j
}

var _ consumers.Joiner = (*Stage)(nil)

// Apply does for all works what [work.Apply] does for one. Those that are not in the block go
// by themselves, after it.
func (j jointWork) Apply(ctx context.Context) error {
	left := slices.DeleteFunc(slices.Clone(j.works), func(w *work) bool { return w.done })
	if err := quarantine(ctx, j.stage, left...); err != nil {
		return err
	}
	for _, w := range left {
		w.dropRepeats()
	}
	block, alone := divide(left)
	if block != nil {
		if err := block.insert(ctx, j.stage); err != nil {
			return err
		}
	}
	faults := map[schema.TopicPartition]error{}
	for _, w := range alone {
		if err := w.Apply(ctx); err != nil {
			faults[w.TopicPartition] = err
		}
	}
	if len(faults) > 0 {
		return &consumers.PartialError{Faults: faults}
	}
	return nil
}

// jointBlock is a block with rows of several partitions. It is one in each table.
type jointBlock struct {
	token string
	works []*work // whose rows it has; none if another worker made it
}

// divide tells works that go into one block from those that do not: works without rows, with
// rows that are more than one block by themselves, with rows that a block of their own may
// have brought in, or an earlier joint one. Only where that one had the rows of all these
// works and of no other is it sent again.
func divide(works []*work) (block *jointBlock, alone []*work) {
	var together, fresh []*work
	for _, w := range works {
		switch {
		case len(w.rows) == 0 || w.alone || !w.isOneBlock():
			alone = append(alone, w)
		default:
			together = append(together, w)
			if w.joint == nil {
				fresh = append(fresh, w)
			}
		}
	}
	if len(together) > 0 && together[0].joint.isOf(together) {
		return together[0].joint, alone
	}
	if len(fresh) < 2 {
		return nil, append(alone, together...)
	}
	for _, w := range together {
		if w.joint != nil {
			alone = append(alone, w)
		}
	}
	return &jointBlock{uuid.NewString(), fresh}, alone
}

// isOf says whether what is left of the block is the rows of these works.
func (b *jointBlock) isOf(works []*work) bool {
	if b == nil {
		return false
	}
	left := 0
	for _, w := range b.works {
		if len(w.rows) > 0 {
			left++
		}
	}
	return left == len(works) && !slices.ContainsFunc(works, func(w *work) bool { return w.joint != b })
}

// insert claims the works' batches for the block, inserts it, and finishes the works.
func (b *jointBlock) insert(ctx context.Context, s *Stage) error {
	if err := b.claim(ctx); err != nil {
		return err
	}
	for _, unreadable := range []bool{true, false} {
		var rows []row
		for _, w := range b.works {
			rows = append(rows, w.rows[:w.first(unreadable)]...)
		}
		if len(rows) == 0 {
			continue
		}
		if err := s.insert(ctx, b.tokenOf(rows), rows); err != nil {
			return fmt.Errorf("insert answers: %w", err)
		}
		for _, w := range b.works {
			w.inserted(w.first(unreadable))
		}
	}
	for _, w := range b.works {
		w.finish()
	}
	return nil
}

// claim writes the block's token into the claims of its partitions. Until all are written,
// nothing has been sent under it.
func (b *jointBlock) claim(ctx context.Context) error {
	var claims []consumers.ClaimWrite
	for _, w := range b.works {
		if w.claim != nil {
			w.open = true
			claims = append(claims, consumers.ClaimWrite{Claim: w.claim, Offset: w.batch.From, Note: claimNote(w.batch.To, b.token)})
		}
	}
	if len(claims) > 0 {
		if err := consumers.WriteClaims(ctx, claims); err != nil {
			return err
		}
	}
	for _, w := range b.works {
		w.joint = b
	}
	return nil
}

// tokenOf is the block's token in the table of some rows.
func (b *jointBlock) tokenOf(rows []row) string { return rows[0].table() + "/" + b.token }

// isOneBlock says whether the work's rows are no more than one block of each table.
func (w *work) isOneBlock() bool {
	n := sameBlock(w.rows)
	rest := w.rows[n:]
	return len(rest) == 0 || rest[0].unreadable() != w.rows[0].unreadable() && sameBlock(rest) == len(rest)
}

// first is how many of the work's first rows are of messages that cannot be read, or are
// decisions.
func (w *work) first(unreadable bool) int {
	n := slices.IndexFunc(w.rows, func(r row) bool { return r.unreadable() != unreadable })
	if n < 0 {
		return len(w.rows)
	}
	return n
}

// settle drops the rows that a joint block brought in. That block is sent by nobody any more,
// but it may still be on its way. So rows that are not there are sent under its token: if
// another of its partitions was here first, or the block arrives meanwhile, ClickHouse drops
// them; otherwise they are in, and it drops the block when that comes. After either, what is in
// the table stays.
func (w *work) settle(ctx context.Context) error {
	if w.joint == nil || w.settled {
		return nil
	}
	var in, left []row
	for rows := w.rows; len(rows) > 0; {
		block := rows[:sameBlock(rows)]
		found, err := w.found(ctx, block)
		if err == nil && !found {
			if err = w.stage.insert(ctx, w.joint.tokenOf(block), block); err == nil {
				found, err = w.found(ctx, block)
			}
		}
		if err != nil {
			return fmt.Errorf("settle a joint block: %w", err)
		}
		if found {
			in = append(in, block...)
		} else {
			left = append(left, block...)
		}
		rows = rows[len(block):]
	}
	w.rows, w.settled = slices.Concat(in, left), true
	w.inserted(len(in))
	return nil
}

// found says whether a block's rows are in its table, of which they are in as a whole or not
// at all.
func (w *work) found(ctx context.Context, block []row) (bool, error) {
	var n uint64
	err := w.stage.DB.QueryRow(ctx, `SELECT count() FROM `+block[0].table()+`
		WHERE log_topic = $1 AND log_partition = $2 AND log_offset BETWEEN $3 AND $4`,
		w.Topic, int32(w.Partition), block[0].logOffset, block[len(block)-1].logOffset).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for the rows of a joint block: %w", away(err))
	}
	return n > 0, nil
}
