package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy stands before a server and makes the network between them bad: it resets,
// cuts and delays connections, and loses the answers to chosen requests. Each
// connection draws its luck once; a fault hits those whose luck is below the
// fault's, so that it can hit one worker and not the next.
type proxy struct {
	listener net.Listener
	speaks   protocol
	target   atomic.Pointer[string]

	// toLose is how many answers are still to be lost, and lost how many were.
	toLose, lost atomic.Int64
	silently     atomic.Bool // they are lost without the connection ending
	losing       sync.Mutex  // held by the fault that loses them

	mu    sync.Mutex
	links map[*link]struct{}
	bad   []*weather
}

// weather is a fault that lasts.
type weather struct {
	luck  float64
	delay time.Duration
	// Nothing passes a cut. Connections are kept, and go on when it ends, or, where it
	// is refusing, cannot even be made.
	cut, refusing bool
	ended         chan struct{}
}

// protocol knows which requests' answers are worth losing.
type protocol interface {
	// watch returns what looks at the bytes of one connection on their way.
	watch(p *proxy) watcher
}

// watcher sees every byte of one connection, in the order of each direction.
type watcher interface {
	asked(bytes []byte)
	// answered says whether these bytes begin an answer that is to be lost.
	answered(bytes []byte) bool
}

// link is one connection through the proxy.
type link struct {
	client, server *net.TCPConn
	luck           float64
	closed         chan struct{}
	once           sync.Once
}

// openProxy listens on a free port; what connects before the target is set waits.
func openProxy(ctx context.Context, speaks protocol) (*proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a proxy: %w", err)
	}
	p := &proxy{listener: listener, speaks: speaks, links: map[*link]struct{}{}}
	go p.accept(context.WithoutCancel(ctx)) // until close
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) setTarget(address string) { p.target.Store(&address) }

func (p *proxy) close() {
	_ = p.listener.Close()
	p.reset(1)
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

// serve passes one connection on until either side ends it.
func (p *proxy) serve(ctx context.Context, client *net.TCPConn) {
	l := &link{client: client, luck: rand.Float64(), closed: make(chan struct{})}
	if !p.connect(ctx, l) {
		hangUp(client)
		return
	}
	defer p.forget(l)
	w := p.speaks.watch(p)
	go p.pass(l, client, l.server, func(b []byte) bool { w.asked(b); return true })
	p.pass(l, l.server, client, func(b []byte) bool { return p.keeps(l, w, b) })
}

func (p *proxy) connect(ctx context.Context, l *link) bool {
	target := p.target.Load()
	if target == nil || !p.wait(l) {
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

func (p *proxy) forget(l *link) {
	l.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// keeps says whether an answer goes on to the client.
func (p *proxy) keeps(l *link, w watcher, answer []byte) bool {
	if !w.answered(answer) {
		return true
	}
	p.lost.Add(1)
	if p.silently.Load() { // as if the network swallowed it: nothing ends
		<-l.closed
	}
	return false
}

// pass carries bytes one way, through whatever weather there is.
func (p *proxy) pass(l *link, from, to *net.TCPConn, let func([]byte) bool) {
	defer l.end()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && (!p.wait(l) || !let(buffer[:n])) {
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

// wait lets the weather hold a connection up; false when that ended first.
func (p *proxy) wait(l *link) bool {
	for _, w := range p.over(l.luck) {
		if w.refusing || !w.hold(l) {
			return false
		}
	}
	return true
}

// over is the weather that hits a connection of that luck.
func (p *proxy) over(luck float64) (hits []*weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.bad {
		if luck < w.luck {
			hits = append(hits, w)
		}
	}
	return hits
}

func (w *weather) hold(l *link) bool {
	var after <-chan time.Time
	if !w.cut {
		timer := time.NewTimer(w.delay)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-after:
	case <-w.ended:
	case <-l.closed:
		return false
	}
	return true
}

// begin lets a fault last until the returned function is called.
func (p *proxy) begin(w weather) (end func()) {
	w.ended = make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bad = append(p.bad, &w)
	return func() {
		close(w.ended)
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.bad {
			if p.bad[i] == &w {
				p.bad = append(p.bad[:i:i], p.bad[i+1:]...)
				return
			}
		}
	}
}

// reset ends the connections whose luck is below, without a farewell, and returns
// how many.
func (p *proxy) reset(luck float64) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.luck < luck {
			l.end()
			n++
		}
	}
	return n
}

func (l *link) end() {
	l.once.Do(func() {
		close(l.closed)
		hangUp(l.client)
		hangUp(l.server)
	})
}

// hangUp closes a connection so that the other side sees a reset, as of a process
// that died or a firewall that had enough.
func hangUp(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
