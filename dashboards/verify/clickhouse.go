package verify

import (
	"context"
	"errors"
	"maps"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema"
)

// rangeWidth is how many offsets are compared at once. A year is about a hundred ranges.
// Only a range that differs is read row by row, which takes no noticeable time.
const rangeWidth = 4096

// clickhouseComparison compares the rows of ClickHouse with the record and the decisions
// topics. It compares every column but inserted_at, which no other store knows. Persons
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
// partition's limits.
func (v *verifier) compareClickHouse(ctx context.Context, record *recordContents) error {
	c := clickhouseComparison{db: v.clickhouse}
	if v.pseudonym != nil {
		c.pseudonyms = v.pseudonym.Pairs()
	}
	decisions, notices := map[string]*partitionOffsets{}, map[string]*partitionOffsets{}
	for p := range record.books.all {
		addOffset(decisions, p.at(), record.decisions.of(p.at()).limit)
		addOffset(notices, p.at(), record.notices.of(p.at()).limit)
	}
	for topic, limits := range decisions {
		if err := c.compareTopic(ctx, record, topic, limits); err != nil {
			return err
		}
	}
	for topic, limits := range notices {
		if err := c.compareUnreadable(ctx, record, topic, limits); err != nil {
			return err
		}
	}
	// Different persons are damage only if other rows show that the key is the right one.
	if c.keyDiffers && !c.keyMatches {
		return errOtherKey
	}
	record.books.PersonsCompared = v.pseudonym != nil
	return nil
}

// compareTopic compares the decisions of one topic.
func (c *clickhouseComparison) compareTopic(ctx context.Context, record *recordContents, topic string, limits *partitionOffsets) error {
	actual, err := c.readTallies(ctx, topic, limits)
	if err != nil {
		return err
	}
	for _, partition := range limits.partitions {
		at := schema.TopicPartition{Topic: topic, Partition: int(partition)}
		p := partitionComparison{
			clickhouseComparison: c, place: record.placeOf(at),
			books: record.books.partition(topic, at.Partition), decisions: record.decisions.of(at),
		}
		if err := p.compare(ctx, actual[at]); err != nil {
			return err
		}
	}
	return nil
}

// place is where the answers to a partition's messages lie, and what their rows say of the
// channel and the installation.
type place struct {
	log       schema.TopicPartition
	channel   schema.Channel
	simulated bool
}

func (r *recordContents) placeOf(at schema.TopicPartition) place {
	answersTo, _ := r.topics.AnswersTo(at.Topic)
	channel, _ := r.topics.SubmissionsChannel(at.Topic)
	return place{schema.TopicPartition{Topic: answersTo, Partition: at.Partition}, channel, r.simulated}
}

// partitionComparison compares the decisions of one partition with their rows.
type partitionComparison struct {
	*clickhouseComparison

	place     place
	books     *PartitionBooks
	decisions *entries
}

// compare compares the partition range by range, and the ranges that differ row by row.
func (c *partitionComparison) compare(ctx context.Context, actual tallies) error {
	expected := tallies{}
	for i := range c.decisions.all[:c.decisions.indexFrom(c.decisions.limit)] {
		e := &c.decisions.all[i]
		expected.at(e.offset / rangeWidth).add(c.expected(e))
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
		if err := c.compareRange(ctx, index*rangeWidth, min((index+1)*rangeWidth, c.decisions.limit)); err != nil {
			return err
		}
	}
	return nil
}

// compareRange names the decisions of a range whose rows are not as expected.
func (c *partitionComparison) compareRange(ctx context.Context, from, to int64) error {
	rows, err := c.readRows(ctx, c.books.at(), from, to)
	if err != nil {
		return err
	}
	for i := c.decisions.indexFrom(from); i < c.decisions.indexFrom(to); i++ {
		e := &c.decisions.all[i]
		if actual := rows[e.offset]; actual == nil {
			c.books.addGap(GapMissing, e.offset, e.offset+1)
		} else {
			c.compareDecision(e, actual)
		}
		delete(rows, e.offset)
	}
	for offset := range rows {
		c.books.addGap(GapUnknown, offset, offset+1)
	}
	return nil
}

// compareDecision compares one decision with its rows, of which there should be one.
func (c *partitionComparison) compareDecision(e *entry, actual *rowFingerprints) {
	expected := c.expected(e)
	same := allEqual(actual.contents, expected.content)
	if e.logOffset != notOnTopic { // else no store but ClickHouse knows the place
		same = same && allEqual(actual.places, expected.place)
	}
	if c.pseudonyms != nil {
		samePersons := allEqual(actual.persons, expected.persons)
		c.keyMatches, c.keyDiffers = c.keyMatches || samePersons, c.keyDiffers || !samePersons
		same = same && samePersons
	}
	switch {
	case !same:
		c.books.addGap(GapDifferent, e.offset, e.offset+1)
	case len(actual.contents) > 1:
		c.books.addGap(GapDoubled, e.offset, e.offset+1)
	}
}

// expected returns the fingerprints that the row of a decision should have.
func (c *partitionComparison) expected(e *entry) fingerprints {
	expected := fingerprints{content: e.fingerprint, place: c.fingerprints.place(&c.place, e)}
	if c.pseudonyms != nil {
		person, sponsor := c.pseudonyms(schema.CivilID(e.person), schema.SponsorID(e.sponsor))
		expected.persons = c.fingerprints.persons(e.offset, person, sponsor)
	}
	return expected
}

func allEqual(actual []int64, expected int64) bool {
	return !slices.ContainsFunc(actual, func(fingerprint int64) bool { return fingerprint != expected })
}
