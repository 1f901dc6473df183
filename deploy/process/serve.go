package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// NewRegistry returns a registry with the metrics of the Go runtime and of the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Process is work that goes on until it is told to stop, with the pages on which operations
// look at it.
type Process struct {
	// Listen is the address of the pages for operations; there are none if it is "".
	Listen   string
	Registry *prometheus.Registry
	// Ready returns why the process cannot do its work, or nil.
	Ready func() error
	// Run works until its context ends, then finishes what it has begun.
	Run func(context.Context) error
}

// Serve runs the process and serves its pages until Run has returned, and returns Run's
// error. It asks Run to stop when ctx ends, or when the pages cannot be served.
func (p Process) Serve(ctx context.Context) error {
	if p.Listen == "" {
		return p.Run(ctx)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", p.Listen)
	if err != nil {
		return fmt.Errorf("listen for operations: %w", err)
	}
	slog.Info("serving /metrics, /livez and /readyz", "address", listener.Addr().String())
	return p.serveOn(ctx, listener)
}

func (p Process) serveOn(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: p.pages(), ReadHeaderTimeout: 5 * time.Second}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		// The pages are served until the batches in flight have ended, so that operations
		// see a process that is stopping.
		defer func() { _ = server.Close() }()
		return p.Run(ctx)
	})
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve operations' pages: %w", err)
		}
		return nil
	})
	return group.Wait()
}

func (p Process) pages() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.Registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: p.Registry}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := p.Ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}
