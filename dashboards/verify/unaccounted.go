package verify

import (
	"context"

	"tajdeed/schema/kafka"
)

// checkUnaccounted reads the messages at the offsets that the record accounts for
// nowhere. An offset may hold no message, as a transaction's marker: the record counts
// how many it skipped so, and does not name them.
func (v *verifier) checkUnaccounted(ctx context.Context, b *Books) error {
	ends := map[string]map[int]kafka.End{}
	for p := range b.all {
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

// checkUnaccountedOf adds a gap for the offsets that hold a message: these are lost. It
// compares the number of the others with what the record says it skipped.
func (v *verifier) checkUnaccountedOf(ctx context.Context, p *PartitionBooks, unaccounted []Gap, end kafka.End) error {
	lost := map[int64]bool{}
	if n := len(unaccounted); n > 0 {
		from, to := max(unaccounted[0].From, end.First), min(unaccounted[n-1].To+1, end.Next)
		err := newLogReader(v.brokers, v.transport).read(ctx, p.at(), from, to, func(m *topicMessage) error {
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

// checkSkipped compares the offsets that hold no message with the number that was
// skipped.
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
