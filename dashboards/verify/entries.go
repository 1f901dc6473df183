package verify

import (
	"cmp"
	"slices"

	"tajdeed/schema"
)

// entry is a decision, a notice or a message in quarantine, as the record holds it, and where
// it was found on the topic on which it is published.
type entry struct {
	offset      int64 // of the message
	fingerprint int64
	parties
	notice      *schema.Unreadable // nil for a decision
	logOffset   int64              // its first place on the topic, or notOnTopic
	publishedAt int64              // in milliseconds since 1970
}

const notOnTopic = -1

// parties are the person and the sponsor that a decision is about. Columns of the record
// can hold any number. Of a notice, the person is its key.
type parties struct{ person, sponsor int64 }

// entries are those of one partition, in the order of the offsets.
type entries struct {
	all   []entry
	limit int64 // the offset before which ClickHouse must hold every one
}

func (e *entries) add(added entry) {
	added.logOffset = notOnTopic
	e.all = append(e.all, added)
}

// sort puts the entries into the order of the offsets, in which a table has them mostly.
func (e *entries) sort() {
	slices.SortFunc(e.all, func(a, b entry) int { return cmp.Compare(a.offset, b.offset) })
}

// index returns the index of an offset's entry.
func (e *entries) index(offset int64) (int, bool) {
	// Where no offset is missing, the distance from the first one is the index.
	if n := len(e.all); n > 0 {
		if i := offset - e.all[0].offset; i >= 0 && i < int64(n) && e.all[i].offset == offset {
			return int(i), true
		}
	}
	i := e.indexFrom(offset)
	return i, i < len(e.all) && e.all[i].offset == offset
}

// indexFrom returns the index of the first entry at or after an offset.
func (e *entries) indexFrom(offset int64) int {
	i, _ := slices.BinarySearchFunc(e.all, offset, func(e entry, offset int64) int { return cmp.Compare(e.offset, offset) })
	return i
}

// entriesOf are the entries of one kind, by the partition of the messages.
type entriesOf map[schema.TopicPartition]*entries

// of returns the entries of a partition, of which there may be none.
func (e entriesOf) of(at schema.TopicPartition) *entries {
	found := e[at]
	if found == nil {
		found = &entries{}
		e[at] = found
	}
	return found
}

// offsets iterates over the offsets of both, in ascending order.
func offsets(a, b *entries) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		left, right := a.all, b.all
		for len(left) > 0 || len(right) > 0 {
			next := &left
			if len(left) == 0 || len(right) > 0 && right[0].offset < left[0].offset {
				next = &right
			}
			if !yield((*next)[0].offset) {
				return
			}
			*next = (*next)[1:]
		}
	}
}
