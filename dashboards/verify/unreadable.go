package verify

import (
	"context"
	_ "embed"
	"time"

	"tajdeed/schema"
)

//go:embed unreadable.sql
var unreadableQuery string

// unreadableRow is a row of a message that cannot be read, but for when it was inserted. There
// are few, so they are compared one by one.
type unreadableRow struct {
	place       place
	logOffset   int64
	rule        string
	receivedAt  int64 // in microseconds since 1970
	publishedAt int64
}

// compareUnreadable compares the rows of one topic's messages that cannot be read.
func (c *clickhouseComparison) compareUnreadable(ctx context.Context, record *recordContents, topic string, limits *partitionOffsets) error {
	actual, err := c.readUnreadable(ctx, topic, limits)
	if err != nil {
		return err
	}
	for _, partition := range limits.partitions {
		at := schema.TopicPartition{Topic: topic, Partition: int(partition)}
		compareUnreadableOf(record.books.partition(topic, at.Partition), record.notices.of(at), record.placeOf(at), actual[at])
	}
	return nil
}

func (c *clickhouseComparison) readUnreadable(ctx context.Context, topic string, limits *partitionOffsets) (map[schema.TopicPartition]map[int64][]unreadableRow, error) {
	found := map[schema.TopicPartition]map[int64][]unreadableRow{}
	var partition, logPartition int32
	var offset int64
	var channel string
	var row unreadableRow
	into := []any{&partition, &offset, &row.place.log.Topic, &logPartition, &row.logOffset, &channel, &row.rule, &row.place.simulated, &row.receivedAt, &row.publishedAt}
	err := queryRows(ctx, c.db, unreadableQuery, into, func() {
		at := schema.TopicPartition{Topic: topic, Partition: int(partition)}
		if found[at] == nil {
			found[at] = map[int64][]unreadableRow{}
		}
		row.place.channel, row.place.log.Partition = schema.Channel(channel), int(logPartition)
		found[at][offset] = append(found[at][offset], row)
	}, topic, limits.partitions, limits.offsets)
	return found, err
}

// compareUnreadableOf compares the notices of one partition with their rows, of which each
// should have one.
func compareUnreadableOf(p *PartitionBooks, notices *entries, place place, actual map[int64][]unreadableRow) {
	for i := range notices.all[:notices.indexFrom(notices.limit)] {
		e := &notices.all[i]
		rows := actual[e.offset]
		p.ClickHouseUnreadable += int64(len(rows))
		switch {
		case len(rows) == 0:
			p.addGap(GapUnreadableMissing, e.offset, e.offset+1)
		case !sameRows(rows, e, place):
			p.addGap(GapUnreadableDifferent, e.offset, e.offset+1)
		case len(rows) > 1:
			p.addGap(GapUnreadableDoubled, e.offset, e.offset+1)
		}
		delete(actual, e.offset)
	}
	for offset, rows := range actual {
		p.ClickHouseUnreadable += int64(len(rows))
		p.addGap(GapUnreadableUnknown, offset, offset+1)
	}
}

// sameRows says whether all rows of a notice are as expected. Of one that is not on its topic
// only ClickHouse knows the place.
func sameRows(rows []unreadableRow, e *entry, place place) bool {
	for _, row := range rows {
		expected := unreadableRow{
			place: place, logOffset: e.logOffset, rule: e.rule.String(),
			receivedAt: e.receivedAt.UnixMicro(), publishedAt: e.publishedAt * time.Millisecond.Microseconds(),
		}
		if e.logOffset == notOnTopic {
			expected.logOffset, expected.publishedAt = row.logOffset, row.publishedAt
		}
		if row != expected {
			return false
		}
	}
	return true
}
