package chaos

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tajdeed/schema/postgres/postgrestest"
)

// echo is a server that sends back what it receives.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func proxyTo(t *testing.T, protocol protocol, target string) *proxy {
	t.Helper()
	p, err := openProxy(t.Context(), protocol)
	if err != nil {
		t.Fatal(err)
	}
	p.setTarget(target)
	t.Cleanup(p.close)
	return p
}

// caller is a client that sends a few bytes and awaits them back.
type caller struct {
	*testing.T
	conn net.Conn
}

func call(t *testing.T, p *proxy) caller {
	t.Helper()
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return caller{t, conn}
}

func (c caller) roundTrip(within time.Duration) error {
	c.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(within)); err != nil {
		c.Fatal(err)
	}
	if _, err := c.conn.Write([]byte("salam")); err != nil {
		return err
	}
	_, err := io.ReadFull(c.conn, make([]byte, 5))
	return err
}

func TestProxyPassesOnAndResets(t *testing.T) {
	t.Parallel()
	p := proxyTo(t, opaque{}, echo(t))
	c := call(t, p)
	if err := c.roundTrip(time.Minute); err != nil {
		t.Fatalf("without a toxic: %v", err)
	}
	if n := p.resetLinks(1); n != 1 {
		t.Errorf("%d connections were reset, want 1", n)
	}
	if err := c.roundTrip(time.Minute); err == nil {
		t.Error("a connection goes on after its reset")
	}
	if err := call(t, p).roundTrip(time.Minute); err != nil {
		t.Errorf("after the reset: %v", err)
	}
}

func TestProxyCuts(t *testing.T) {
	t.Parallel()
	p := proxyTo(t, opaque{}, echo(t))
	before := call(t, p)
	if err := before.roundTrip(time.Minute); err != nil {
		t.Fatal(err)
	}
	end := p.add(toxic{rate: 1, cut: true, refusing: true})
	// The reset may come before the connection is made, or after.
	if conn, err := net.Dial("tcp", p.address()); err == nil {
		defer conn.Close()
		if err := (caller{t, conn}).roundTrip(time.Minute); err == nil {
			t.Error("a new connection passes a refusing cut")
		}
	}
	end()
	if err := call(t, p).roundTrip(time.Minute); err != nil {
		t.Errorf("after the refusing cut: %v", err)
	}
	end = p.add(toxic{rate: 1, cut: true})
	done := make(chan error, 1)
	late := call(t, p)
	go func() { done <- late.roundTrip(time.Minute) }()
	var timeout net.Error
	if err := call(t, p).roundTrip(50 * time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("through a silent cut: %v, want nothing until the deadline", err)
	}
	end()
	if err := <-done; err != nil {
		t.Errorf("what was sent during a silent cut did not arrive after it: %v", err)
	}
}

func TestProxyDelays(t *testing.T) {
	t.Parallel()
	p := proxyTo(t, opaque{}, echo(t))
	c := call(t, p)
	if err := c.roundTrip(time.Minute); err != nil {
		t.Fatal(err)
	}
	const delay = 60 * time.Millisecond
	defer p.add(toxic{rate: 1, delay: delay})()
	began := time.Now()
	if err := c.roundTrip(time.Minute); err != nil || time.Since(began) < 2*delay {
		t.Errorf("there and back in %s (%v), want %s and more", time.Since(began), err, 2*delay)
	}
}

func TestToxicHitsNoMoreThanItsRate(t *testing.T) {
	t.Parallel()
	p := proxyTo(t, opaque{}, echo(t))
	c := call(t, p)
	if err := c.roundTrip(time.Minute); err != nil {
		t.Fatal(err)
	}
	defer p.add(toxic{rate: 0, cut: true})()
	if err := c.roundTrip(time.Minute); err != nil {
		t.Errorf("a cut of no connection: %v", err)
	}
	if n := p.resetLinks(0); n != 0 {
		t.Errorf("a reset of no connection hit %d", n)
	}
}

// A transaction whose answer was lost is durable, and its client doesn't know.
func TestLostAnswerToCommit(t *testing.T) {
	t.Parallel()
	direct := postgrestest.URL(t)
	config, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	p := proxyTo(t, postgresProtocol{}, net.JoinHostPort(config.Host, port(direct)))
	through := strings.Replace(direct, net.JoinHostPort(config.Host, port(direct)), p.address(), 1)
	insert := func() error {
		conn, err := pgx.Connect(t.Context(), through)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		return pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO batch (topic, partition, from_offset, to_offset, policy) VALUES ('t', 0, 0, 1, '')`)
			return err
		})
	}
	if err := insert(); err != nil {
		t.Fatalf("with all answers: %v", err)
	}
	p.toLose.Store(1)
	if err := insert(); err == nil {
		t.Error("the answer to COMMIT was not lost")
	}
	if err := insert(); err != nil || p.lost.Load() != 1 {
		t.Errorf("%d answers were lost (%v), want 1 and no more", p.lost.Load(), err)
	}
	conn, err := pgx.Connect(t.Context(), direct)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var n int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM batch`).Scan(&n); err != nil || n != 3 {
		t.Errorf("%d of 3 transactions are there (%v)", n, err)
	}
}

func port(url string) string {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return ""
	}
	return strconv.Itoa(int(config.Port))
}

// Frames are found in a stream whether it comes byte by byte or in one piece.
func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	stream := []byte("\x00\x00\x00\x0a" + "\x00\x00\x00\x08" + "\x00\x00\x00\x07" + "ab" + // Produce, id 7
		"\x00\x00\x00\x08" + "\x00\x03\x00\x08" + "\x00\x00\x00\x08" + // Metadata, id 8
		"\x00\x00\x00\x08" + "\x00\x00\x00\x08" + "\x00\x00\x00\x09") // Produce, id 9
	for _, size := range []int{1, 3, 5, len(stream)} {
		p := &proxy{}
		p.toLose.Store(10)
		w, _ := kafkaProtocol{}.watch(p).(*kafkaWatcher)
		for piece := range slices.Chunk(stream, size) {
			w.request(piece)
		}
		if len(w.chosen) != 2 || !w.chosen[7] || !w.chosen[9] {
			t.Errorf("in pieces of %d: the Produce requests are %v, want 7 and 9", size, w.chosen)
		}
		if w.answer([]byte("\x00\x00\x00\x04\x00\x00\x00\x08")) {
			t.Error("the answer to Metadata is to be lost")
		}
		if !w.answer([]byte("\x00\x00\x00\x05\x00\x00\x00\x07a")) {
			t.Error("the answer to Produce is not lost")
		}
	}
}
