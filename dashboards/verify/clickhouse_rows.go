package verify

import (
	"context"
	_ "embed"
	"slices"
)

//go:embed rows.sql
var rowsQuery string

//go:embed row_places.sql
var rowPlacesQuery string

// rowComparison compares one lane with its rows.
type partitionComparison struct {
	*clickhouseComparison
	books   *PartitionBooks
	entries *entries
	limit   int64
}

func (c *partitionComparison) compare(ctx context.Context, have tallies) error {
	want := tallies{}
	for i, offset := range c.entries.offsets[:c.entries.indexFrom(c.limit)] {
		want.at(offset / rangeWidth).add(c.expected(c.books.Partition, c.entries, i))
	}
	for _, t := range have {
		c.books.ClickHouseRows += int64(t.rows)
	}
	for index := range union(want, have) {
		if w, h := want[index], have[index]; w != nil && h != nil && *w == *h {
			c.keyMatches = true
			continue
		}
		if err := c.compareRange(ctx, index*rangeWidth, min((index+1)*rangeWidth, c.limit)); err != nil {
			return err
		}
	}
	return nil
}

func union[K comparable, V any](maps ...map[K]V) map[K]bool {
	keys := map[K]bool{}
	for _, m := range maps {
		for k := range m {
			keys[k] = true
		}
	}
	return keys
}

// rowPrints are the fingerprints of the rows of one decision, of which there should be
// one. They come by two questions.
type rowFingerprints struct{ contents, places, persons []int64 }

// compareRows names what differs in a range.
func (c *partitionComparison) compareRange(ctx context.Context, from, to int64) error {
	rows, err := c.readRows(ctx, from, to)
	if err != nil {
		return err
	}
	for i := c.entries.indexFrom(from); i < c.entries.indexFrom(to); i++ {
		offset := c.entries.offsets[i]
		if row := rows[offset]; row == nil {
			c.books.addGap(GapMissing, offset, offset+1)
		} else {
			c.compareDecision(i, row)
		}
		delete(rows, offset)
	}
	for offset := range rows {
		c.books.addGap(GapUnknown, offset, offset+1)
	}
	return nil
}

func (c *partitionComparison) readRows(ctx context.Context, from, to int64) (map[int64]*rowFingerprints, error) {
	rows := map[int64]*rowFingerprints{}
	var offset int64
	var p fingerprints
	at := func() *rowFingerprints {
		if rows[offset] == nil {
			rows[offset] = &rowFingerprints{}
		}
		return rows[offset]
	}
	args := []any{c.books.topic, int32(c.books.Partition), from, to}
	err := queryRows(ctx, c.db, rowsQuery, []any{&offset, &p.content}, func() {
		row := at()
		row.contents = append(row.contents, p.content)
	}, args...)
	if err != nil {
		return nil, err
	}
	err = queryRows(ctx, c.db, rowPlacesQuery, []any{&offset, &p.place, &p.persons}, func() {
		row := at()
		row.places, row.persons = append(row.places, p.place), append(row.persons, p.persons)
	}, args...)
	return rows, err
}

// compareRow compares one decision with the rows that are in of it. Where it should lie
// is known of what was found on the topic.
func (c *partitionComparison) compareDecision(i int, row *rowFingerprints) {
	offset, want := c.entries.offsets[i], c.expected(c.books.Partition, c.entries, i)
	same := all(row.contents, want.content)
	if c.entries.logOffsets[i] != notOnTopic {
		same = same && all(row.places, want.place)
	}
	if c.pseudonyms != nil {
		about := all(row.persons, want.persons)
		c.keyMatches, c.keyDiffers = c.keyMatches || about, c.keyDiffers || !about
		same = same && about
	}
	switch {
	case !same:
		c.books.addGap(GapDifferent, offset, offset+1)
	case len(row.contents) > 1:
		c.books.addGap(GapDoubled, offset, offset+1)
	}
}

// all says whether all fingerprints are the wanted one.
func all(have []int64, want int64) bool {
	return !slices.ContainsFunc(have, func(p int64) bool { return p != want })
}
