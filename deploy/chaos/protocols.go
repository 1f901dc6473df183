package chaos

import (
	"bytes"
	"encoding/binary"
	"sync"
)

// opaque is a protocol of which nothing is known: no answer is lost alone.
type opaque struct{}

func (opaque) watch(*proxy) watcher   { return opaque{} }
func (opaque) asked([]byte)           {}
func (opaque) answered(_ []byte) bool { return false }

// frames cuts a stream into its messages, however it comes in pieces, and shows the
// first bytes of each.
type frames struct {
	head   int                   // bytes that tell how long a message is
	length func(head []byte) int // of the whole message
	keep   int                   // bytes that see wants, if there are as many
	see    func(first []byte)

	kept []byte
	skip int
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
			f.skip = max(f.length(f.kept)-len(f.kept), 0) // see may change how lengths are read
			f.see(f.kept)
			f.kept = f.kept[:0]
		}
	}
}

func (f *frames) wants() int {
	if len(f.kept) < f.head {
		return f.head
	}
	return min(f.keep, max(f.length(f.kept), f.head))
}

// chosen are the requests of one connection whose answers are to be lost.
type chosen struct {
	mu  sync.Mutex
	ids map[uint32]bool
}

// take takes one of the answers that the proxy is to lose.
func (p *proxy) take() bool {
	if p.toLose.Load() <= 0 {
		return false
	}
	return p.toLose.Add(-1) >= 0
}

// kafkaProtocol loses answers to Produce: the broker has stored the messages, and
// the publisher doesn't know.
type kafkaProtocol struct{}

type kafkaWatcher struct {
	chosen
	requests, answers frames
	hit               bool
}

const produceKey = 0

func (kafkaProtocol) watch(p *proxy) watcher {
	w := &kafkaWatcher{chosen: chosen{ids: map[uint32]bool{}}}
	length := func(head []byte) int { return 4 + int(binary.BigEndian.Uint32(head)) }
	// A request is its length, key, version and correlation id; an answer is its
	// length and the correlation id.
	w.requests = frames{head: 4, keep: 12, length: length, see: func(first []byte) {
		if len(first) == 12 && binary.BigEndian.Uint16(first[4:]) == produceKey && p.take() {
			w.mu.Lock()
			w.ids[binary.BigEndian.Uint32(first[8:])] = true
			w.mu.Unlock()
		}
	}}
	w.answers = frames{head: 4, keep: 8, length: length, see: func(first []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.hit = w.hit || len(first) == 8 && w.ids[binary.BigEndian.Uint32(first[4:])]
	}}
	return w
}

func (w *kafkaWatcher) asked(b []byte) { w.requests.feed(b) }

func (w *kafkaWatcher) answered(b []byte) bool {
	w.answers.feed(b)
	return w.hit
}

// postgresProtocol loses answers to COMMIT: the transaction is durable, and the
// worker doesn't know.
type postgresProtocol struct{}

type postgresWatcher struct {
	mu       sync.Mutex
	begun    bool // the start-up message, which has no type, is past
	requests frames
	hit      bool
}

func (postgresProtocol) watch(p *proxy) watcher {
	w := &postgresWatcher{}
	w.requests = frames{head: 5, keep: 5 + len("commit"), length: w.length, see: func(first []byte) {
		if w.begun && isCommit(first) && p.take() {
			w.mu.Lock()
			w.hit = true
			w.mu.Unlock()
		}
		w.begun = true
	}}
	return w
}

// length reads a typed message's length, which does not count the type, or that of
// the start-up message, which has none.
func (w *postgresWatcher) length(head []byte) int {
	if !w.begun {
		return int(binary.BigEndian.Uint32(head))
	}
	return 1 + int(binary.BigEndian.Uint32(head[1:]))
}

// isCommit knows a simple query by its first word. pgx ends every transaction so.
func isCommit(first []byte) bool {
	return first[0] == 'Q' && len(first) > 5 && bytes.EqualFold(first[5:], []byte("commit"))
}

func (w *postgresWatcher) asked(b []byte) { w.requests.feed(b) }

func (w *postgresWatcher) answered([]byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hit
}
