package verify

import (
	"context"

	"tajdeed/schema/kafka"
)

// explainGaps looks on the topic for the messages of offsets that nothing accounts
// for. An offset may hold none: the record counts these without naming them.
func (v *verifier) checkUnaccounted(ctx context.Context, record *recordContents) error {
	ends := map[string]map[int]kafka.End{}
	for p := range record.books.all {
		unaccounted := p.removeGaps(GapUnaccounted)
		if countOffsets(unaccounted) == p.Skipped {
			continue
		}
		if ends[p.topic] == nil {
			var err error
			if ends[p.topic], err = kafka.Ends(ctx, v.brokers, p.topic); err != nil {
				return err
			}
		}
		if err := v.checkUnaccountedOf(ctx, p, unaccounted, ends[p.topic][p.Partition]); err != nil {
			return err
		}
	}
	return nil
}

// explain notes the offsets that hold a message. If what is left is not what the
// record says it skipped, that is noted too.
func (v *verifier) checkUnaccountedOf(ctx context.Context, p *PartitionBooks, unaccounted []Gap, end kafka.End) error {
	lost := map[int64]bool{}
	if n := len(unaccounted); n > 0 {
		from, to := max(unaccounted[0].From, end.First), min(unaccounted[n-1].To+1, end.Next)
		err := newLogReader(v.brokers, v.transport).read(ctx, p.topic, p.Partition, from, to, func(m *topicMessage) error {
			lost[m.offset] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	var empty []int64
	for _, g := range unaccounted {
		for offset := g.From; offset <= g.To; offset++ {
			if lost[offset] {
				p.addGap(GapUnaccounted, offset, offset+1)
			} else {
				empty = append(empty, offset)
			}
		}
	}
	p.checkSkipped(empty)
	return nil
}

// noteEmpty compares the offsets that hold no message with how many were skipped.
func (p *PartitionBooks) checkSkipped(empty []int64) {
	switch n := int64(len(empty)); {
	case n > p.Skipped:
		for _, offset := range empty {
			p.addGap(GapEmpty, offset, offset+1)
		}
	case n < p.Skipped:
		p.addGap(GapSkipped, p.First, p.Next)
	}
}

// take takes the gaps of one kind out of the books.
func (p *PartitionBooks) removeGaps(kind GapKind) (taken []Gap) {
	kept := p.Gaps[:0]
	for _, g := range p.Gaps {
		if g.Kind == kind {
			taken = append(taken, g)
		} else {
			kept = append(kept, g)
		}
	}
	p.Gaps = kept
	return taken
}

func countOffsets(gaps []Gap) (n int64) {
	for _, g := range gaps {
		n += g.To - g.From + 1
	}
	return n
}
