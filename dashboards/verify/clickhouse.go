package verify

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema"
)

// rangeWidth is how many offsets are compared at once. A year is about a hundred ranges.
// Only a range that differs is read row by row, which takes no noticeable time.
const rangeWidth = 4096

var (
	//go:embed decision_ranges.sql
	decisionRanges string
	//go:embed decision_rows.sql
	decisionRows string
	//go:embed unreadable_ranges.sql
	unreadableRanges string
	//go:embed unreadable_rows.sql
	unreadableRows string
)

// rowTable is a table of ClickHouse that is compared: the queries for its rows' fingerprints,
// and the kinds of gaps.
type rowTable struct {
	ranges, rows                         string
	missing, doubled, different, unknown GapKind
}

var (
	decisionTable = rowTable{
		decisionRanges, decisionRows, GapMissing, GapDoubled, GapDifferent, GapUnknown,
	}
	unreadableTable = rowTable{
		unreadableRanges, unreadableRows, GapUnreadableMissing, GapUnreadableDoubled, GapUnreadableDifferent, GapUnreadableUnknown,
	}
)

// clickhouseComparison compares the rows of one table of ClickHouse with the record and the
// decisions topics. It compares every column but inserted_at, which no other store knows.
// Persons and sponsors are pseudonyms in ClickHouse: they are compared only under the key.
type clickhouseComparison struct {
	*rowTable

	db           driver.Conn
	highest      map[schema.TopicPartition]int64 // causes of rows before the record was read
	topics       schema.Topics
	simulated    bool
	fingerprints fingerprinter
	// pseudonyms is nil without the key, and where rows have none.
	pseudonyms func(schema.CivilID, schema.SponsorID) (person, sponsor uint64)
	// Whether some rows show pseudonyms of this key, and some show others.
	keyMatches, keyDiffers bool
}

var errOtherKey = errors.New("no row of ClickHouse was written under this pseudonym key")

// compareClickHouse compares the rows of each partition with the record, up to the
// partition's limits.
func (v *verifier) compareClickHouse(ctx context.Context, marks *marks, record *recordContents) error {
	decisions := v.newComparison(&decisionTable, &marks.progress.decisions)
	unreadable := v.newComparison(&unreadableTable, &marks.progress.notices)
	if v.pseudonym != nil {
		decisions.pseudonyms = v.pseudonym.Pairs()
	}
	if err := decisions.compare(ctx, record, record.decisions); err != nil {
		return err
	}
	if err := unreadable.compare(ctx, record, record.notices); err != nil {
		return err
	}
	// Different persons are damage only if other rows show that the key is the right one.
	if decisions.keyDiffers && !decisions.keyMatches {
		return errOtherKey
	}
	record.books.PersonsCompared = v.pseudonym != nil
	return nil
}

func (v *verifier) newComparison(table *rowTable, reached *reached) *clickhouseComparison {
	return &clickhouseComparison{
		rowTable: table, db: v.clickhouse, highest: reached.highest, topics: v.topics, simulated: v.simulated,
	}
}

// compare compares the table, topic by topic, as its rows are sorted.
func (c *clickhouseComparison) compare(ctx context.Context, record *recordContents, answers entriesOf) error {
	limits := map[string]*partitionOffsets{}
	for p := range record.books.all {
		addOffset(limits, p.at(), answers.of(p.at()).limit)
	}
	for topic, topicLimits := range limits {
		actual, err := c.readTallies(ctx, topic, topicLimits)
		if err != nil {
			return err
		}
		for i, partition := range topicLimits.partitions {
			p := c.partition(record.books.partition(topic, int(partition)), answers)
			if err := p.compare(ctx, actual[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// partitionComparison compares the answers of one partition with their rows.
type partitionComparison struct {
	*clickhouseComparison

	books   *PartitionBooks
	answers *entries
	log     schema.TopicPartition // that they are published on
	edition string                // what the rows say besides, as their place's fingerprint has it
}

func (c *clickhouseComparison) partition(p *PartitionBooks, answers entriesOf) *partitionComparison {
	answersTo, _ := c.topics.AnswersTo(p.topic)
	channel, _ := c.topics.SubmissionsChannel(p.topic)
	return &partitionComparison{
		clickhouseComparison: c, books: p, answers: answers.of(p.at()),
		log:     schema.TopicPartition{Topic: answersTo, Partition: p.Partition},
		edition: fmt.Sprintf("%s|%d|%t", channel, schema.FirstRevision, c.simulated),
	}
}

// compare compares the partition range by range, and the ranges that differ row by row.
func (c *partitionComparison) compare(ctx context.Context, actual tallies) error {
	expected := tallies{}
	for i := range c.answers.indexFrom(c.answers.limit) {
		e := &c.answers.all[i]
		expected.at(e.offset / rangeWidth).add(c.expected(e))
	}
	c.count(actual)
	ranges := maps.Clone(expected)
	maps.Copy(ranges, actual)
	for index := range ranges {
		if e, a := expected[index], actual[index]; e != nil && a != nil && *e == *a {
			c.keyMatches = true
			continue
		}
		if err := c.compareRange(ctx, index*rangeWidth, min((index+1)*rangeWidth, c.answers.limit)); err != nil {
			return err
		}
	}
	return c.compareBeyond(ctx)
}

// compareBeyond names the rows between the limit and the highest, which the record does not
// hold although it has consumed the messages. The highest would be the limit else.
func (c *partitionComparison) compareBeyond(ctx context.Context) error {
	highest, found := c.highest[c.books.at()]
	from, to := c.answers.limit, min(highest+1, c.books.Next)
	if !found || from >= to {
		return nil
	}
	rows, err := c.readRows(ctx, c.books.at(), from, to)
	if err != nil {
		return err
	}
	for offset := range rows {
		if _, known := c.answers.index(offset); !known {
			c.books.addGap(c.unknown, offset, offset+1)
		}
	}
	return nil
}

// count counts the rows in the books.
func (c *partitionComparison) count(actual tallies) {
	rows := &c.books.ClickHouseRows
	if c.rowTable == &unreadableTable {
		rows = &c.books.ClickHouseUnreadable
	}
	for _, t := range actual {
		*rows += int64(t.rows)
	}
}

// compareRange names the answers of a range whose rows are not as expected.
func (c *partitionComparison) compareRange(ctx context.Context, from, to int64) error {
	rows, err := c.readRows(ctx, c.books.at(), from, to)
	if err != nil {
		return err
	}
	for i := c.answers.indexFrom(from); i < c.answers.indexFrom(to); i++ {
		e := &c.answers.all[i]
		if actual := rows[e.offset]; actual == nil {
			c.books.addGap(c.missing, e.offset, e.offset+1)
		} else {
			c.compareAnswer(e, actual)
		}
		delete(rows, e.offset)
	}
	for offset := range rows {
		c.books.addGap(c.unknown, offset, offset+1)
	}
	return nil
}

// compareAnswer compares one answer with its rows, of which there should be one.
func (c *partitionComparison) compareAnswer(e *entry, actual *rowFingerprints) {
	expected := c.expected(e)
	same := actual.least.content == expected.content && actual.greatest.content == expected.content
	if e.logOffset != notOnTopic { // else no store but ClickHouse knows the place
		same = same && actual.least.place == expected.place && actual.greatest.place == expected.place
	}
	if c.pseudonyms != nil {
		samePersons := actual.least.persons == expected.persons && actual.greatest.persons == expected.persons
		c.keyMatches, c.keyDiffers = c.keyMatches || samePersons, c.keyDiffers || !samePersons
		same = same && samePersons
	}
	switch {
	case !same:
		c.books.addGap(c.different, e.offset, e.offset+1)
	case actual.rows > 1:
		c.books.addGap(c.doubled, e.offset, e.offset+1)
	}
}

// expected returns the fingerprints that the row of an answer should have.
func (c *partitionComparison) expected(e *entry) fingerprints {
	expected := fingerprints{content: e.fingerprint, place: c.fingerprints.place(e, c.log, c.edition)}
	if e.notice != nil {
		expected.content = c.fingerprints.unreadable(e.notice)
	}
	if c.pseudonyms != nil {
		person, sponsor := c.pseudonyms(schema.CivilID(e.person), schema.SponsorID(e.sponsor))
		expected.persons = c.fingerprints.persons(e.offset, person, sponsor)
	}
	return expected
}
