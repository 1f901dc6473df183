package verify

import (
	"context"
	"errors"
	"maps"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/consumers/analytics"
	"tajdeed/schema"
)

// rangeWidth is how many offsets are compared at once. A year is about a hundred ranges.
// Only a range that differs is read row by row, which takes no noticeable time.
const rangeWidth = 4096

// clickhouseComparison compares the rows of ClickHouse with the record and the decisions
// topic. It compares every column but inserted_at, which no other store knows. Persons
// and sponsors are pseudonyms in ClickHouse: they are compared only under the key.
type clickhouseComparison struct {
	db           driver.Conn
	fingerprints fingerprinter
	// pseudonyms is nil without the key.
	pseudonyms func(schema.CivilID, schema.SponsorID) (person, sponsor uint64)
	// Whether some rows show pseudonyms of this key, and some show others.
	keyMatches, keyDiffers bool
}

var errOtherKey = errors.New("no row of ClickHouse was written under this pseudonym key")

// compareClickHouse compares the rows of each partition with the record, up to the
// partition's limit. The key may be nil.
func compareClickHouse(ctx context.Context, db driver.Conn, key *analytics.Pseudonym, record *recordContents, limits map[topicPartition]int64) error {
	c := clickhouseComparison{db: db}
	if key != nil {
		c.pseudonyms = key.Pairs()
	}
	for topic, offsets := range byTopic(limits, func(limit int64) int64 { return limit }) {
		if err := c.compareTopic(ctx, record, topic, offsets); err != nil {
			return err
		}
	}
	// Different persons are damage only if other rows show that the key is the right one.
	if c.keyDiffers && !c.keyMatches {
		return errOtherKey
	}
	record.books.PersonsCompared = key != nil
	return nil
}

// compareTopic compares the decisions of one topic.
func (c *clickhouseComparison) compareTopic(ctx context.Context, record *recordContents, topic string, limits *partitionOffsets) error {
	actual, err := c.readTallies(ctx, topic, limits)
	if err != nil {
		return err
	}
	for i, partition := range limits.partitions {
		at := topicPartition{topic, int(partition)}
		p := partitionComparison{
			clickhouseComparison: c, limit: limits.offsets[i],
			books: record.books.partition(topic, at.partition), decisions: record.decisions[at],
		}
		if err := p.compare(ctx, actual[at]); err != nil {
			return err
		}
	}
	return nil
}

// partitionComparison compares the decisions of one partition with their rows.
type partitionComparison struct {
	*clickhouseComparison

	books     *PartitionBooks
	decisions *entries
	limit     int64
}

// compare compares the partition range by range, and the ranges that differ row by row.
func (c *partitionComparison) compare(ctx context.Context, actual tallies) error {
	expected := tallies{}
	for i, offset := range c.decisions.offsets[:c.decisions.indexFrom(c.limit)] {
		expected.at(offset / rangeWidth).add(c.expected(i))
	}
	for _, t := range actual {
		c.books.ClickHouseRows += int64(t.rows)
	}
	ranges := maps.Clone(expected)
	maps.Copy(ranges, actual)
	for index := range ranges {
		if e, a := expected[index], actual[index]; e != nil && a != nil && *e == *a {
			c.keyMatches = true
			continue
		}
		if err := c.compareRange(ctx, index*rangeWidth, min((index+1)*rangeWidth, c.limit)); err != nil {
			return err
		}
	}
	return nil
}

// compareRange names the decisions of a range whose rows are not as expected.
func (c *partitionComparison) compareRange(ctx context.Context, from, to int64) error {
	rows, err := c.readRows(ctx, c.books.topic, c.books.Partition, from, to)
	if err != nil {
		return err
	}
	for i := c.decisions.indexFrom(from); i < c.decisions.indexFrom(to); i++ {
		offset := c.decisions.offsets[i]
		if actual := rows[offset]; actual == nil {
			c.books.addGap(GapMissing, offset, offset+1)
		} else {
			c.compareDecision(i, actual)
		}
		delete(rows, offset)
	}
	for offset := range rows {
		c.books.addGap(GapUnknown, offset, offset+1)
	}
	return nil
}

// compareDecision compares one decision with its rows, of which there should be one.
func (c *partitionComparison) compareDecision(i int, actual *rowFingerprints) {
	offset, expected := c.decisions.offsets[i], c.expected(i)
	same := allEqual(actual.contents, expected.content)
	if c.decisions.logOffsets[i] != notOnTopic { // else no store but ClickHouse knows the place
		same = same && allEqual(actual.places, expected.place)
	}
	if c.pseudonyms != nil {
		samePersons := allEqual(actual.persons, expected.persons)
		c.keyMatches, c.keyDiffers = c.keyMatches || samePersons, c.keyDiffers || !samePersons
		same = same && samePersons
	}
	switch {
	case !same:
		c.books.addGap(GapDifferent, offset, offset+1)
	case len(actual.contents) > 1:
		c.books.addGap(GapDoubled, offset, offset+1)
	}
}

// expected returns the fingerprints that the row of a decision should have.
func (c *partitionComparison) expected(i int) fingerprints {
	d := c.decisions
	expected := fingerprints{
		content: d.fingerprints[i],
		place:   c.fingerprints.place(d.offsets[i], c.books.Partition, d.logOffsets[i], d.publishedAt[i]),
	}
	if c.pseudonyms != nil {
		person, sponsor := c.pseudonyms(schema.CivilID(d.parties[i].person), schema.SponsorID(d.parties[i].sponsor))
		expected.persons = c.fingerprints.persons(d.offsets[i], person, sponsor)
	}
	return expected
}

func allEqual(actual []int64, expected int64) bool {
	return !slices.ContainsFunc(actual, func(fingerprint int64) bool { return fingerprint != expected })
}
