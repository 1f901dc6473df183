package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// The roles of a crew: the subcommands that its processes run.
const (
	roleWorker = "renewals"
	roleSink   = "analytics"
)

// crew are the processes of the stages: copies of this program.
type crew struct {
	program string
	logs    string
	clocks  string              // a folder for what says how wrong their clocks are; "": they are the machine's
	args    map[string][]string // by role

	mu     sync.Mutex
	hands  []*hand
	hired  int
	exits  int // ends that nobody caused
	closed bool
}

// hand is one process.
type hand struct {
	role, name string
	clock      string // the file that says how wrong its clock is
	command    *exec.Cmd
	ended      chan struct{}
	// What chaos did to it; the crew's mutex guards these.
	frozen, stepped, dismissed bool
}

func newCrew(logs string, args map[string][]string) (*crew, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return &crew{program: program, logs: logs, args: args}, nil
}

// hire starts a process.
func (c *crew) hire(role string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.hired++
	h := &hand{role: role, name: fmt.Sprintf("%s-%d", role, c.hired), ended: make(chan struct{})}
	log, err := os.Create(filepath.Join(c.logs, h.name+".log"))
	if err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	defer log.Close() // the process has its own
	args := append([]string{c.program, role}, c.args[role]...)
	if c.clocks != "" {
		h.clock = filepath.Join(c.clocks, h.name)
		args = append(args, "--chaos-clock", h.clock)
	}
	h.command = &exec.Cmd{
		Path: c.program, Args: args,
		Stdout: log, Stderr: log, SysProcAttr: ownGroup(),
	}
	if err := h.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", h.name, err)
	}
	c.hands = append(c.hands, h)
	go c.watch(h)
	return nil
}

// watch waits for the end of a process and, if nobody caused it, starts another.
func (c *crew) watch(h *hand) {
	err := h.command.Wait()
	c.mu.Lock()
	c.hands = slices.DeleteFunc(c.hands, func(other *hand) bool { return other == h })
	replace := !h.dismissed && !c.closed
	if replace {
		c.exits++
	}
	c.mu.Unlock()
	close(h.ended)
	if !replace {
		return
	}
	slog.Warn("a process ended by itself; starting another", "process", h.name, "error", err)
	if err := c.hire(h.role); err != nil {
		slog.Error("the process is not replaced", "error", err)
	}
}

func (h *hand) runs() bool { return !h.frozen && !h.dismissed }

// choose picks one of a role's processes, if there is one that can be struck so.
func (c *crew) choose(role string, pick int, can func(*hand) bool, claim func(*hand)) *hand {
	c.mu.Lock()
	defer c.mu.Unlock()
	var able []*hand
	for _, h := range c.hands {
		if h.role == role && can(h) {
			able = append(able, h)
		}
	}
	if len(able) == 0 {
		return nil
	}
	h := able[pick%len(able)]
	claim(h)
	return h
}

func (c *crew) count(role string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hands {
		if h.role == role && !h.dismissed {
			n++
		}
	}
	return n
}

// kill ends a process without a word, and starts another in its place.
func (c *crew) kill(role string, pick int) (bool, error) {
	h := c.choose(role, pick, (*hand).runs, func(h *hand) { h.dismissed = true })
	if h == nil {
		return false, nil
	}
	_ = h.command.Process.Kill()
	<-h.ended
	return true, c.hire(role)
}

// freeze stops a process as a long pause would: it does not know that time passes.
func (c *crew) freeze(ctx context.Context, role string, pick int, d time.Duration) (bool, error) {
	h := c.choose(role, pick, (*hand).runs, func(h *hand) { h.frozen = true })
	if h == nil {
		return false, nil
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		h.frozen = false
	}()
	if err := h.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return false, fmt.Errorf("freeze %s: %w", h.name, err)
	}
	pause(ctx, d)
	if err := h.command.Process.Signal(syscall.SIGCONT); err != nil {
		return true, fmt.Errorf("thaw %s: %w", h.name, err)
	}
	return true, nil
}

// step sets the clock of a process wrong for a while; a frozen one finds it so.
func (c *crew) step(ctx context.Context, role string, pick int, by, d time.Duration) (bool, error) {
	h := c.choose(role, pick, func(h *hand) bool { return !h.stepped && !h.dismissed }, func(h *hand) { h.stepped = true })
	if h == nil {
		return false, nil
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		h.stepped = false
	}()
	if err := os.WriteFile(h.clock, []byte(by.String()), 0o644); err != nil {
		return false, fmt.Errorf("step the clock of %s: %w", h.name, err)
	}
	pause(ctx, d)
	if err := os.Remove(h.clock); err != nil {
		return true, fmt.Errorf("set the clock of %s right: %w", h.name, err)
	}
	return true, nil
}

// dismissWithin is more than a process takes to finish its batches; one that takes
// longer does not do what it promises.
const dismissWithin = 30 * time.Second

// dismiss asks a process to stop, and waits until it has.
func (c *crew) dismiss(role string, pick int) (bool, error) {
	h := c.choose(role, pick, (*hand).runs, func(h *hand) { h.dismissed = true })
	if h == nil {
		return false, nil
	}
	return true, h.stop()
}

func (h *hand) stop() error {
	_ = h.command.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(dismissWithin)
	defer timer.Stop()
	select {
	case <-h.ended:
		return nil
	case <-timer.C:
		_ = h.command.Process.Kill()
		<-h.ended
		return fmt.Errorf("%s did not stop within %s of SIGTERM", h.name, dismissWithin)
	}
}

// close stops all processes.
func (c *crew) close() error {
	c.mu.Lock()
	c.closed = true
	hands := slices.Clone(c.hands)
	for _, h := range hands {
		h.dismissed = true
		_ = h.command.Process.Signal(syscall.SIGTERM) // all at once
	}
	c.mu.Unlock()
	var first error
	for _, h := range hands {
		if err := h.stop(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
