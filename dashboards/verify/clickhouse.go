package verify

import (
	"context"
	_ "embed"
	"errors"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/consumers/analytics"
	"tajdeed/schema"
)

//go:embed ranges.sql
var rangesQuery string

//go:embed range_places.sql
var rangePlacesQuery string

// rangeWidth is how many offsets are compared at once. A year is about a hundred
// ranges, and a range that differs is read in no time.
const rangeWidth = 4096

// clickhouseComparison compares ClickHouse with the record and the decisions topic. All
// columns are compared but for inserted_at, which nobody else knows; whom a row is about
// only under the key of the pseudonyms.
type clickhouseComparison struct {
	db           driver.Conn
	fingerprints fingerprinter
	// pseudonyms is nil without the key.
	pseudonyms             func(schema.CivilID, schema.SponsorID) (person, sponsor uint64)
	keyMatches, keyDiffers bool // whether some rows are, or are not, of this key
}

var errOtherKey = errors.New("no row of ClickHouse was written under this pseudonym key")

// compareAnalysts compares the rows of each lane up to an offset. A key may be nil.
func compareClickHouse(ctx context.Context, db driver.Conn, key *analytics.Pseudonym, record *recordContents, through map[topicPartition]int64) error {
	c := clickhouseComparison{db: db}
	if key != nil {
		c.pseudonyms = key.Pairs()
	}
	for topic, of := range byTopic(through, func(offset int64) int64 { return offset }) {
		if err := c.compareTopic(ctx, record, topic, of); err != nil {
			return err
		}
	}
	// Persons that differ are damage only where others show that the key is right.
	if c.keyDiffers && !c.keyMatches {
		return errOtherKey
	}
	record.books.PersonsCompared = key != nil
	return nil
}

// compareTopic compares a topic's decisions with the rows, range by range, and the
// ranges that differ row by row.
func (c *clickhouseComparison) compareTopic(ctx context.Context, record *recordContents, topic string, of *partitionOffsets) error {
	have, err := c.readTallies(ctx, topic, of)
	if err != nil {
		return err
	}
	for i, partition := range of.partitions {
		l := topicPartition{topic, int(partition)}
		r := partitionComparison{
			clickhouseComparison: c, limit: of.offsets[i],
			books: record.books.partition(topic, l.partition), entries: record.decisions[l],
		}
		if err := r.compare(ctx, have[l]); err != nil {
			return err
		}
	}
	return nil
}

// prints are the fingerprints of a decision: of what it says, of where it lies on its
// topic, and of whom it is about.
type fingerprints struct{ content, place, persons int64 }

// tally is what is compared of a range.
type tally struct {
	rows uint64
	fingerprints
}

// add adds a row. The exclusive or depends on no order.
func (t *tally) add(p fingerprints) {
	t.rows++
	t.content ^= p.content
	t.place ^= p.place
	t.persons ^= p.persons
}

// tallies are those of a lane's ranges.
type tallies map[int64]*tally

func (t tallies) at(index int64) *tally {
	if t[index] == nil {
		t[index] = &tally{}
	}
	return t[index]
}

func (c *clickhouseComparison) readTallies(ctx context.Context, topic string, of *partitionOffsets) (map[topicPartition]tallies, error) {
	have := map[topicPartition]tallies{}
	var partition int32
	var index int64
	at := func() *tally {
		l := topicPartition{topic, int(partition)}
		if have[l] == nil {
			have[l] = tallies{}
		}
		return have[l].at(index)
	}
	var t tally
	args := []any{int64(rangeWidth), topic, of.partitions, of.offsets}
	err := queryRows(ctx, c.db, rangesQuery, []any{&partition, &index, &t.rows, &t.content}, func() {
		into := at()
		into.rows, into.content = t.rows, t.content
	}, args...)
	if err != nil {
		return nil, err
	}
	err = queryRows(ctx, c.db, rangePlacesQuery, []any{&partition, &index, &t.place, &t.persons}, func() {
		into := at()
		into.place = t.place
		if c.pseudonyms != nil {
			into.persons = t.persons
		}
	}, args...)
	return have, err
}

// want are the fingerprints that the row of a lane's decision should have.
func (c *clickhouseComparison) expected(partition int, e *entries, i int) fingerprints {
	p := fingerprints{content: e.fingerprints[i], place: c.fingerprints.place(e.offsets[i], partition, e.logOffsets[i], e.publishedAt[i])}
	if c.pseudonyms != nil {
		who := e.parties[i]
		person, sponsor := c.pseudonyms(schema.CivilID(who.person), schema.SponsorID(who.sponsor))
		p.persons = c.fingerprints.persons(e.offsets[i], person, sponsor)
	}
	return p
}
