package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// proxy stands between the stages and a server. It resets, cuts and delays connections,
// and drops the answers to chosen requests. Each connection draws a number from 0 to 1
// once; a toxic with a higher rate hits it. So a toxic can hit one worker process and
// spare another for as long as both connections last.
type proxy struct {
	listener net.Listener
	protocol protocol
	target   atomic.Pointer[string]

	toLose   atomic.Int64 // answers still to be lost
	lost     atomic.Int64 // answers that were lost
	silently atomic.Bool  // an answer is lost without the connection ending
	losing   sync.Mutex   // held by the fault that loses answers

	mu     sync.Mutex
	links  map[*link]struct{}
	toxics []*toxic
}

// toxic is what is wrong with the network for a while, as toxiproxy calls it.
type toxic struct {
	rate  float64       // the share of connections that it hits
	delay time.Duration // of every piece of data
	// cut lets no data pass until the toxic ends; connections stay open. If it is
	// refusing, it ends connections instead, and none can be made.
	cut, refusing bool
	ended         chan struct{}
}

// protocol knows which requests' answers are worth losing.
type protocol interface {
	// watch returns a watcher for one connection.
	watch(p *proxy) watcher
}

// watcher sees every byte of one connection, in the order of each direction.
type watcher interface {
	request(piece []byte)
	// answer says whether this piece belongs to an answer that is to be lost.
	answer(piece []byte) bool
}

// link is one connection through the proxy.
type link struct {
	client, server *net.TCPConn
	draw           float64
	closed         chan struct{}
	once           sync.Once
}

// openProxy listens on a free port. Until the target is set, it ends what connects.
func openProxy(ctx context.Context, of protocol) (*proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a proxy: %w", err)
	}
	p := &proxy{listener: listener, protocol: of, links: map[*link]struct{}{}}
	go p.accept(context.WithoutCancel(ctx)) // until close
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) setTarget(address string) { p.target.Store(&address) }

func (p *proxy) close() {
	_ = p.listener.Close()
	p.resetLinks(1)
}

func (p *proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			slog.Warn("a proxy cannot accept", "error", err)
			continue
		}
		if client, ok := client.(*net.TCPConn); ok {
			go p.serve(ctx, client)
		}
	}
}

// serve carries one connection until either side ends it.
func (p *proxy) serve(ctx context.Context, client *net.TCPConn) {
	l := &link{client: client, draw: rand.Float64(), closed: make(chan struct{})}
	if !p.connect(ctx, l) {
		resetConn(client)
		return
	}
	defer p.remove(l)
	w := p.protocol.watch(p)
	go p.carry(l, client, l.server, func(b []byte) bool { w.request(b); return true })
	p.carry(l, l.server, client, func(b []byte) bool { return p.deliver(l, w, b) })
}

func (p *proxy) connect(ctx context.Context, l *link) bool {
	target := p.target.Load()
	if target == nil || !p.applyToxics(l) {
		return false
	}
	server, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", *target)
	if err != nil {
		return false
	}
	l.server, _ = server.(*net.TCPConn)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l] = struct{}{}
	return true
}

func (p *proxy) remove(l *link) {
	l.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// deliver says whether an answer goes on to the client, and counts one that does not.
func (p *proxy) deliver(l *link, w watcher, answer []byte) bool {
	if !w.answer(answer) {
		return true
	}
	p.lost.Add(1)
	if p.silently.Load() { // as if a router dropped it: the connection stays open
		<-l.closed
	}
	return false
}

// carry copies bytes in one direction. The toxics delay each piece, and allow says
// whether it may pass; when it may not, the connection ends.
func (p *proxy) carry(l *link, from, to *net.TCPConn, allow func([]byte) bool) {
	defer l.close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && (!p.applyToxics(l) || !allow(buffer[:n])) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// applyToxics waits as long as the toxics delay a connection. False says that the
// connection has ended or must end.
func (p *proxy) applyToxics(l *link) bool {
	for _, t := range p.toxicsOf(l) {
		if t.refusing || !t.wait(l) {
			return false
		}
	}
	return true
}

// toxicsOf are the toxics that hit a connection.
func (p *proxy) toxicsOf(l *link) (hits []*toxic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.toxics {
		if l.draw < t.rate {
			hits = append(hits, t)
		}
	}
	return hits
}

// wait waits for the delay or, for a cut, until the toxic ends. False says that the
// connection ended first.
func (t *toxic) wait(l *link) bool {
	var after <-chan time.Time
	if !t.cut {
		timer := time.NewTimer(t.delay)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-after:
	case <-t.ended:
	case <-l.closed:
		return false
	}
	return true
}

// add adds a toxic, and returns what removes it.
func (p *proxy) add(t toxic) (remove func()) {
	t.ended = make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.toxics = append(p.toxics, &t)
	return func() {
		close(t.ended)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.toxics = slices.DeleteFunc(p.toxics, func(other *toxic) bool { return other == &t })
	}
}

// resetLinks resets the connections that a rate hits, and returns how many.
func (p *proxy) resetLinks(rate float64) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.draw < rate {
			l.close()
			n++
		}
	}
	return n
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		resetConn(l.client)
		resetConn(l.server)
	})
}

// resetConn closes a connection so that the other side sees a reset, as when a process
// dies or a firewall ends the connection.
func resetConn(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
