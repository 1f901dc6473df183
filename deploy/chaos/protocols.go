package chaos

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// opaque is a protocol that the proxy does not understand: it loses no answer.
type opaque struct{}

func (opaque) watch(*proxy) watcher { return opaque{} }
func (opaque) request([]byte)       {}
func (opaque) answer([]byte) bool   { return false }

// frames cuts a stream, in whatever pieces it comes, into its messages and shows the
// first bytes of each.
type frames struct {
	head   int                   // how many bytes tell how long a message is
	length func(head []byte) int // of the whole message
	keep   int                   // how many bytes see wants; a shorter message is shown whole
	see    func(first []byte)

	kept []byte // of the current message, so far
	skip int    // how many bytes of the current message are still to come and not kept
}

func (f *frames) feed(piece []byte) {
	for {
		switch missing := f.wants() - len(f.kept); {
		case f.skip > 0:
			n := min(f.skip, len(piece))
			f.skip, piece = f.skip-n, piece[n:]
			if f.skip > 0 {
				return
			}
		case missing > 0:
			if len(piece) == 0 {
				return
			}
			n := min(missing, len(piece))
			f.kept, piece = append(f.kept, piece[:n]...), piece[n:]
		default:
			f.skip = max(f.length(f.kept)-len(f.kept), 0) // before see, which may change how lengths are read
			f.see(f.kept)
			f.kept = f.kept[:0]
		}
	}
}

// wants is how many bytes of the current message are to be kept.
func (f *frames) wants() int {
	if len(f.kept) < f.head {
		return f.head
	}
	return min(f.keep, max(f.length(f.kept), f.head))
}

// claimLoss claims one of the losses that a fault asked for. False says that none is left.
func (p *proxy) claimLoss() bool {
	if p.toLose.Load() <= 0 {
		return false
	}
	return p.toLose.Add(-1) >= 0
}

// kafkaProtocol loses answers to Produce: the broker has stored the messages, and the
// publisher doesn't know.
type kafkaProtocol struct{}

type kafkaWatcher struct {
	mu                sync.Mutex
	chosen            map[uint32]bool // correlation ids of the requests whose answers are to be lost
	requests, answers frames
	lose              bool // from the first such answer on
}

const produceKey = 0

func (kafkaProtocol) watch(p *proxy) watcher {
	w := &kafkaWatcher{chosen: map[uint32]bool{}}
	length := func(head []byte) int { return 4 + int(binary.BigEndian.Uint32(head)) }
	// A request is its length, key, version and correlation id; an answer is its
	// length and the correlation id.
	w.requests = frames{head: 4, keep: 12, length: length, see: func(first []byte) {
		if len(first) == 12 && binary.BigEndian.Uint16(first[4:]) == produceKey && p.claimLoss() {
			w.mu.Lock()
			w.chosen[binary.BigEndian.Uint32(first[8:])] = true
			w.mu.Unlock()
		}
	}}
	w.answers = frames{head: 4, keep: 8, length: length, see: func(first []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lose = w.lose || len(first) == 8 && w.chosen[binary.BigEndian.Uint32(first[4:])]
	}}
	return w
}

func (w *kafkaWatcher) request(piece []byte) { w.requests.feed(piece) }

func (w *kafkaWatcher) answer(piece []byte) bool {
	w.answers.feed(piece)
	return w.lose
}

// postgresProtocol loses answers to COMMIT: the transaction is durable, and the worker
// doesn't know.
type postgresProtocol struct{}

type postgresWatcher struct {
	mu       sync.Mutex
	begun    bool // the start-up message, which has no type, is past
	requests frames
	lose     bool // from the first COMMIT on whose answer is to be lost
}

func (postgresProtocol) watch(p *proxy) watcher {
	w := &postgresWatcher{}
	w.requests = frames{head: 5, keep: 5 + len("commit"), length: w.length, see: func(first []byte) {
		if w.begun && isCommit(first) && p.claimLoss() {
			w.mu.Lock()
			w.lose = true
			w.mu.Unlock()
		}
		w.begun = true
	}}
	return w
}

// length reads a typed message's length, which does not count the type, or that of the
// start-up message, which has no type.
func (w *postgresWatcher) length(head []byte) int {
	if !w.begun {
		return int(binary.BigEndian.Uint32(head))
	}
	return 1 + int(binary.BigEndian.Uint32(head[1:]))
}

// isCommit recognizes a simple query that begins with COMMIT, which is how pgx ends every
// transaction.
func isCommit(first []byte) bool {
	return first[0] == 'Q' && len(first) > 5 && bytes.EqualFold(first[5:], []byte("commit"))
}

func (w *postgresWatcher) request(piece []byte) { w.requests.feed(piece) }

func (w *postgresWatcher) answer([]byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lose
}
