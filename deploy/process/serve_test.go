package process

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestPages(t *testing.T) {
	t.Parallel()
	registry := NewRegistry()
	count := prometheus.NewCounter(prometheus.CounterOpts{Name: "tajdeed_test_total", Help: "Of this test."})
	registry.MustRegister(count)
	count.Add(3)
	var unready atomic.Pointer[error]
	p := Process{Registry: registry, Ready: func() error {
		if err := unready.Load(); err != nil {
			return *err
		}
		return nil
	}}
	server := httptest.NewServer(p.pages())
	t.Cleanup(server.Close)
	check := func(path string, status int, parts ...string) {
		t.Helper()
		got, body := get(t, server.URL+path)
		if got != status {
			t.Errorf("%s: status %d, want %d: %s", path, got, status, body)
		}
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("%s lacks %q:\n%s", path, part, body)
			}
		}
	}
	check("/livez", http.StatusOK, "alive")
	check("/readyz", http.StatusOK, "ready")
	check("/metrics", http.StatusOK, "tajdeed_test_total 3", "go_goroutines", "process_cpu_seconds_total")
	check("/debug/pprof/", http.StatusOK, "goroutine")
	check("/nothing", http.StatusNotFound)
	err := errors.New("Postgres is away")
	unready.Store(&err)
	check("/readyz", http.StatusServiceUnavailable, "not ready: Postgres is away")
	check("/livez", http.StatusOK, "alive")
	unready.Store(nil)
	check("/readyz", http.StatusOK, "ready")
}

// While the batches in flight end, operations still see the process; after that the pages
// are gone.
func TestPagesWhileDraining(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	draining, drained := make(chan struct{}), make(chan struct{})
	p := Process{Registry: NewRegistry(), Ready: func() error { return nil }, Run: func(ctx context.Context) error {
		<-ctx.Done()
		close(draining)
		<-drained
		return nil
	}}
	ended := make(chan error, 1)
	go func() { ended <- p.serveOn(ctx, listener) }()
	page := "http://" + listener.Addr().String() + "/livez"
	if status, _ := get(t, page); status != http.StatusOK {
		t.Errorf("/livez of a process that works: status %d", status)
	}
	stop()
	<-draining
	if status, _ := get(t, page); status != http.StatusOK {
		t.Errorf("/livez of a process that drains: status %d", status)
	}
	close(drained)
	if err := <-ended; err != nil {
		t.Errorf("a process that was told to stop ended with %v", err)
	}
	if response, err := http.Get(page); err == nil {
		_ = response.Body.Close()
		t.Error("the pages are there after the process has ended")
	}
}

func TestServeReturnsTheErrorOfTheWork(t *testing.T) {
	t.Parallel()
	broken := errors.New("the work is broken")
	for _, listen := range []string{"", "127.0.0.1:0"} {
		p := Process{Listen: listen, Registry: NewRegistry(), Run: func(context.Context) error { return broken }}
		if err := p.Serve(t.Context()); !errors.Is(err, broken) {
			t.Errorf("listening at %q: %v, want the work's error", listen, err)
		}
	}
}

// A process whose pages cannot be served does not begin its work.
func TestServeAtATakenAddress(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	p := Process{Listen: taken.Addr().String(), Registry: NewRegistry(), Run: func(context.Context) error {
		t.Error("the work began")
		return nil
	}}
	if err := p.Serve(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, want %v", err, syscall.EADDRINUSE)
	}
}
