package verify

import (
	"context"
	_ "embed"
	"slices"
)

//go:embed rows.sql
var verifyRows string

//go:embed row_places.sql
var verifyRowPlaces string

// rowComparison compares one lane with its rows.
type rowComparison struct {
	*analystsComparison
	books   *PartitionBooks
	entries *entries
	through int64
}

func (c *rowComparison) compare(ctx context.Context, have tallies) error {
	want := tallies{}
	for i, offset := range c.entries.offsets[:c.entries.from(c.through)] {
		want.of(offset / rangeWidth).add(c.want(c.books.Partition, c.entries, i))
	}
	for _, t := range have {
		c.books.ClickHouseRows += int64(t.rows)
	}
	for index := range union(want, have) {
		if w, h := want[index], have[index]; w != nil && h != nil && *w == *h {
			c.fits = true
			continue
		}
		if err := c.compareRows(ctx, index*rangeWidth, min((index+1)*rangeWidth, c.through)); err != nil {
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
type rowPrints struct{ contents, places, persons []int64 }

// compareRows names what differs in a range.
func (c *rowComparison) compareRows(ctx context.Context, from, to int64) error {
	rows, err := c.readRows(ctx, from, to)
	if err != nil {
		return err
	}
	for i := c.entries.from(from); i < c.entries.from(to); i++ {
		offset := c.entries.offsets[i]
		if row := rows[offset]; row == nil {
			c.books.find(GapMissing, offset, offset+1)
		} else {
			c.compareRow(i, row)
		}
		delete(rows, offset)
	}
	for offset := range rows {
		c.books.find(GapUnknown, offset, offset+1)
	}
	return nil
}

func (c *rowComparison) readRows(ctx context.Context, from, to int64) (map[int64]*rowPrints, error) {
	rows := map[int64]*rowPrints{}
	var offset int64
	var p prints
	at := func() *rowPrints {
		if rows[offset] == nil {
			rows[offset] = &rowPrints{}
		}
		return rows[offset]
	}
	args := []any{c.books.topic, int32(c.books.Partition), from, to}
	err := askRows(ctx, c.db, verifyRows, []any{&offset, &p.content}, func() {
		row := at()
		row.contents = append(row.contents, p.content)
	}, args...)
	if err != nil {
		return nil, err
	}
	err = askRows(ctx, c.db, verifyRowPlaces, []any{&offset, &p.place, &p.persons}, func() {
		row := at()
		row.places, row.persons = append(row.places, p.place), append(row.persons, p.persons)
	}, args...)
	return rows, err
}

// compareRow compares one decision with the rows that are in of it. Where it should lie
// is known of what was found on the topic.
func (c *rowComparison) compareRow(i int, row *rowPrints) {
	offset, want := c.entries.offsets[i], c.want(c.books.Partition, c.entries, i)
	same := all(row.contents, want.content)
	if c.entries.logged[i] != unlogged {
		same = same && all(row.places, want.place)
	}
	if c.pseudonyms != nil {
		about := all(row.persons, want.persons)
		c.fits, c.doubts = c.fits || about, c.doubts || !about
		same = same && about
	}
	switch {
	case !same:
		c.books.find(GapDifferent, offset, offset+1)
	case len(row.contents) > 1:
		c.books.find(GapDoubled, offset, offset+1)
	}
}

// all says whether all fingerprints are the wanted one.
func all(have []int64, want int64) bool {
	return !slices.ContainsFunc(have, func(p int64) bool { return p != want })
}
