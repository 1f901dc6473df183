package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Server is one of the servers. It can be stopped, started and killed alone,
// which is what fault tests do. Its methods may be called from any goroutine.
type Server struct {
	program program
	folder  *folder
	logger  *slog.Logger

	mu     sync.Mutex
	proc   *process           // the run that is going on, or the last one
	deaths int                // ends that nobody asked for, since the last Start
	broken error              // why the last launch failed
	cancel context.CancelFunc // ends the supervision; nil when none is on
	ended  chan struct{}      // closed when the supervision has ended
}

func newServer(p program, f *folder, log *slog.Logger) *Server {
	return &Server{program: p, folder: f, logger: log.With("server", p.name)}
}

// Name is "postgres", "clickhouse" or "kafka".
func (s *Server) Name() string { return s.program.name }

// Log is the path of the server's log.
func (s *Server) Log() string { return logFile(s.folder.path, s.program.name) }

// PID is the server's process, 0 while there is none.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.runs() {
		return 0
	}
	return s.proc.pid()
}

// Deaths counts the ends that nobody asked for since the last Start; Kill causes one.
func (s *Server) Deaths() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deaths
}

// runs says that there is a process. The caller holds s.mu.
func (s *Server) runs() bool {
	if s.proc == nil {
		return false
	}
	select {
	case <-s.proc.ended:
		return false
	default:
		return true
	}
}

// Start starts the server, if it is stopped, and returns when it answers. The
// context bounds the waiting; the server runs until Stop.
func (s *Server) Start(ctx context.Context) error {
	s.begin()
	return s.Ready(ctx)
}

// begin starts a supervisor, unless one is at work.
func (s *Server) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil && s.broken == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.ended, s.deaths, s.broken = cancel, make(chan struct{}), 0, nil
	go s.supervise(ctx, s.ended)
}

// attempt bounds one question to a server. It is generous: a client that hangs
// up while ClickHouse replies brings this build of it down.
const attempt = 10 * time.Second

// Ready waits until the server does real work. It gives up when ctx ends, when
// the server is stopped, and when it has died three times before it answered.
func (s *Server) Ready(ctx context.Context) error {
	before := s.Deaths()
	for {
		err := s.ask(ctx)
		if err == nil {
			return nil
		}
		if err := s.givenUp(before); err != nil {
			return err
		}
		if !Pause(ctx, 25*time.Millisecond) {
			return fmt.Errorf("wait for %s: %w (%w); its log is %s", s.program.name, ctx.Err(), err, s.Log())
		}
	}
}

var errNotRunning = errors.New("it is not running")

func (s *Server) ask(ctx context.Context) error {
	before := s.PID()
	if before == 0 {
		return errNotRunning
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	if err := s.program.answers(ctx); err != nil {
		return err
	}
	if s.PID() != before { // somebody else answered, or it died answering
		return errNotRunning
	}
	return nil
}

func (s *Server) givenUp(deathsBefore int) error {
	const limit = 3
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cancel == nil:
		return fmt.Errorf("%s is stopped", s.program.name)
	case s.broken != nil:
		return fmt.Errorf("launch %s: %w", s.program.name, s.broken)
	case s.deaths-deathsBefore >= limit:
		return fmt.Errorf("%s died %d times before it answered (%s); its log %s ends:\n%s",
			s.program.name, limit, s.proc.status(), s.Log(), ending(s.Log(), s.proc.from, 5))
	}
	return nil
}

// Kill ends the server with SIGKILL, as a crash would, and returns when it is
// gone. Its supervisor starts it again: Ready waits for that.
func (s *Server) Kill() error { return s.End(context.Background(), syscall.SIGKILL) }

// End ends the server with a signal that its supervisor does not expect, and returns
// when it is gone or ctx ends. The supervisor starts it again, as after [Server.Kill].
// The signal chooses how it ends: Postgres has a fast shutdown (SIGINT) and an immediate
// one (SIGQUIT); ClickHouse ends with its standard input, which is signal 0.
func (s *Server) End(ctx context.Context, how syscall.Signal) error {
	s.mu.Lock()
	p, running := s.proc, s.runs()
	s.mu.Unlock()
	if !running {
		return fmt.Errorf("end %s: %w", s.program.name, errNotRunning)
	}
	if err := p.askToStop(how); err != nil {
		return fmt.Errorf("end %s: %w", s.program.name, err)
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the end of %s: %w", s.program.name, ctx.Err())
	}
}

// Stop ends the server cleanly; when ctx ends first it is killed, which its
// data survives too, and that is the error. A stopped server stays stopped.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if s.cancel == nil {
		s.mu.Unlock()
		return nil
	}
	s.cancel() // under the lock: no launch comes after it
	p, running, ended := s.proc, s.runs(), s.ended
	s.mu.Unlock()
	var err error
	if running {
		err = s.end(ctx, p)
	}
	<-ended
	s.mu.Lock()
	s.cancel = nil
	s.mu.Unlock()
	return err
}

func (s *Server) end(ctx context.Context, p *process) error {
	if err := p.askToStop(s.program.stop); err != nil {
		return fmt.Errorf("stop %s: %w", s.program.name, errors.Join(err, p.kill()))
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		killed := p.kill()
		<-p.ended
		return fmt.Errorf("stop %s, killed: %w", s.program.name, errors.Join(ctx.Err(), killed))
	}
}
