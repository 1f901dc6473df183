package local

import (
	"cmp"
	"context"
	"fmt"
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
	deaths := newStreak()
	for {
		p := s.launch(ctx)
		if p == nil {
			return
		}
		p.wait()
		died := time.Now()
		if err := s.folder.ended(s.program.name); err != nil {
			s.logger.Warn("the server's end is not written down", "error", err)
		}
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.deaths++
		s.mu.Unlock()
		again := deaths.add(p.began, died)
		s.logger.Warn(s.program.title+" died"+deaths.String()+": "+p.status()+"; its log ends: "+cmp.Or(ending(s.Log(), p.from, 1), "(nothing)"),
			"lived", died.Sub(p.began).Round(time.Millisecond).String(), "again_in", again.String(), "log", s.Log())
		if !Pause(ctx, again) {
			return
		}
	}
}

// healthy is how long a server must have lived for its death to have nothing to do with
// the one before.
const healthy = 30 * time.Second

// streak is deaths one after another, each less than [healthy] after the launch.
type streak struct {
	delay *backoff.ExponentialBackOff
	n     int
	first time.Time // when the first one was
	last  time.Time
}

func newStreak() *streak {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.RandomizationFactor, b.MaxInterval = 100*time.Millisecond, 2, 0, 10*time.Second
	return &streak{delay: b}
}

// add adds the death of a server that began at an instant, and returns how long to wait
// before it is started again: twice as long after each death, 10 s at most.
func (s *streak) add(began, died time.Time) time.Duration {
	if s.n == 0 || died.Sub(began) > healthy {
		s.delay.Reset()
		s.n, s.first = 0, died
	}
	s.n++
	s.last = died
	return s.delay.NextBackOff()
}

// String says how many deaths in how long, where there was more than one.
func (s *streak) String() string {
	if s.n == 1 {
		return ""
	}
	return fmt.Sprintf(" %d times in %s", s.n, s.last.Sub(s.first).Round(100*time.Millisecond))
}

// launch returns nil when nothing was started: a stop came before it, or the
// launch failed, which repeating it would not mend.
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
		s.logger.Warn("the server's process is not written down", "error", err)
	}
	return p
}
