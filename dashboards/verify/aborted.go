package verify

import (
	"slices"

	wire "github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// aborted knows of an answer, for each producer, where its aborted transactions begin,
// in the order of the log. A broker sends their messages too and leaves it to the reader
// to drop them. The engine does so too; what checks it does not share its code.
type abortedTransactions map[int64][]int64

func newAbortedTransactions(transactions []fetchapi.ResponseTransaction) abortedTransactions {
	a := make(abortedTransactions, len(transactions))
	for _, t := range transactions {
		a[t.ProducerID] = append(a[t.ProducerID], t.FirstOffset)
	}
	for _, begins := range a {
		slices.Sort(begins)
	}
	return a
}

// message says whether the next batch of the log holds messages: no markers, and
// nothing of a transaction that was aborted.
func (a abortedTransactions) hasMessages(batch wire.RecordReader) bool {
	switch b := batch.(type) {
	case *wire.ControlBatch:
		if a.contains(b.ProducerID, b.BaseOffset) { // its marker ends a transaction
			a[b.ProducerID] = a[b.ProducerID][1:]
		}
		return false
	case *wire.RecordBatch:
		return !b.Attributes.Transactional() || !a.contains(b.ProducerID, b.BaseOffset)
	}
	return true
}

// holds says whether what a producer laid at an offset belongs to an aborted
// transaction.
func (a abortedTransactions) contains(producer, offset int64) bool {
	begins := a[producer]
	return len(begins) > 0 && begins[0] <= offset
}
