package local

import (
	"context"
	"runtime"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// supervise starts the server again whenever it dies, until ctx ends. It keeps
// one thread for itself: when the thread that forked a child ends, the kernel
// takes the parent for dead (see childAttr).
func (s *Server) supervise(ctx context.Context, ended chan<- struct{}) {
	runtime.LockOSThread()
	defer close(ended)
	delay := restartDelay()
	for {
		p := s.launch(ctx)
		if p == nil {
			return
		}
		s.outlive(p)
		if ctx.Err() != nil {
			return
		}
		s.mourn(p)
		if time.Since(p.began) > healthy {
			delay.Reset()
		}
		if !pause(ctx, delay.NextBackOff()) {
			return
		}
	}
}

// healthy is how long a server must have lived for its death to be a new story.
const healthy = 30 * time.Second

func restartDelay() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = 100*time.Millisecond, 2, 10*time.Second
	return b
}

// launch returns nil when nothing was started: a stop came before it, or the
// launch failed for a reason that no repetition mends.
func (s *Server) launch(ctx context.Context) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	p, err := launch(s.program, s.folder.path, s.Log())
	if err != nil {
		s.broken = err
		s.logger.Error("the server cannot be launched", "error", err)
		return nil
	}
	s.proc = p
	if err := s.folder.started(s.program.name, p.pid()); err != nil {
		s.logger.Warn("the server's process is not recorded", "error", err)
	}
	return p
}

func (s *Server) outlive(p *process) {
	p.wait()
	if err := s.folder.ended(s.program.name); err != nil {
		s.logger.Warn("the server's end is not recorded", "error", err)
	}
}

func (s *Server) mourn(p *process) {
	s.mu.Lock()
	s.deaths++
	s.mu.Unlock()
	s.logger.Warn("the server died; starting it again", "status", p.status(),
		"lived", time.Since(p.began).Round(time.Millisecond), "log", s.Log(), "tail", tail(s.Log(), p.from))
}
