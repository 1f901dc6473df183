package verify

import (
	"slices"

	wire "github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// abortedTransactions holds the first offsets of the aborted transactions in one response,
// by producer and in the order of the log. A broker sends their messages too and leaves it
// to the reader to drop them. The engine does the same with code of its own: a proof must
// not share the code of what it proves.
type abortedTransactions map[int64][]int64

func newAbortedTransactions(transactions []fetchapi.ResponseTransaction) abortedTransactions {
	a := make(abortedTransactions, len(transactions))
	for _, t := range transactions {
		a[t.ProducerID] = append(a[t.ProducerID], t.FirstOffset)
	}
	for _, first := range a {
		slices.Sort(first)
	}
	return a
}

// hasMessages says whether a batch holds messages that count: it is no transaction's
// marker, and no part of an aborted transaction. It must be called for each batch of the
// response, in their order.
func (a abortedTransactions) hasMessages(batch wire.RecordReader) bool {
	switch b := batch.(type) {
	case *wire.ControlBatch:
		if a.contains(b.ProducerID, b.BaseOffset) { // the marker ends this transaction
			a[b.ProducerID] = a[b.ProducerID][1:]
		}
		return false
	case *wire.RecordBatch:
		return !b.Attributes.Transactional() || !a.contains(b.ProducerID, b.BaseOffset)
	}
	return true
}

// contains says whether what a producer wrote at an offset belongs to an aborted
// transaction.
func (a abortedTransactions) contains(producer, offset int64) bool {
	first := a[producer]
	return len(first) > 0 && first[0] <= offset
}
