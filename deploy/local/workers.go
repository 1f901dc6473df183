package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// WorkersConfig says how worker processes are started.
type WorkersConfig struct {
	Program string              // the file that they run; "" is this program's own
	Args    map[string][]string // by stage: the arguments after the program and the stage's name
	Env     []string            // added to this process's environment
	Logs    string              // the folder of their logs, one for each process: renewals-1.log
	Logger  *slog.Logger        // nil discards

	// Extra, if it is set, supplies further arguments and environment for one process,
	// by its name. It is called at each start and must not call the Workers.
	Extra func(name string) (args, env []string)
}

// Workers are the worker processes of the stages of one installation on this machine. A
// process that ends by itself is replaced and counted. All end when this process does
// (on Linux; elsewhere those of a killed process stay). The methods may be called from
// any goroutine.
type Workers struct {
	config     WorkersConfig
	logger     *slog.Logger
	stopWithin time.Duration

	mu      sync.Mutex
	running []*Worker
	started int
	exits   int
	closed  bool
}

// Worker is one process of [Workers].
type Worker struct {
	stage, name string
	command     *exec.Cmd
	ended       chan struct{}

	// Guarded by the mutex of the Workers. A worker that is ending is one that Kill, Stop
	// or Close ends, so that it is not replaced.
	frozen, ending bool
}

// stopWithin is more than a process takes to finish its batches; one that takes longer
// does not do what it promises.
const stopWithin = 30 * time.Second

// NewWorkers returns an installation's workers, of which none is started.
func NewWorkers(c WorkersConfig) *Workers {
	c.Program = cmp.Or(c.Program, ownFile())
	return &Workers{config: c, logger: cmp.Or(c.Logger, slog.New(slog.DiscardHandler)), stopWithin: stopWithin}
}

// Name is the stage's name and a number that no other process has: "renewals-1".
func (p *Worker) Name() string { return p.name }

// Start starts a process of a stage: the program, with the stage's name as its first
// argument. After Close it does nothing.
func (w *Workers) Start(stage string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.started++
	p := &Worker{stage: stage, name: fmt.Sprintf("%s-%d", stage, w.started), ended: make(chan struct{})}
	log, err := os.Create(filepath.Join(w.config.Logs, p.name+".log"))
	if err != nil {
		return fmt.Errorf("open a log: %w", err)
	}
	defer log.Close() // the process has its own
	p.command = w.command(p, log)
	launched := make(chan error)
	go w.run(p, launched)
	if err := <-launched; err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	w.running = append(w.running, p)
	return nil
}

func (w *Workers) command(p *Worker, log *os.File) *exec.Cmd {
	args, env := slices.Concat([]string{p.stage}, w.config.Args[p.stage]), slices.Concat(os.Environ(), w.config.Env)
	if w.config.Extra != nil {
		moreArgs, moreEnv := w.config.Extra(p.name)
		args, env = append(args, moreArgs...), append(env, moreEnv...)
	}
	command := exec.Command(w.config.Program, args...)
	command.Env, command.Stdout, command.Stderr = env, log, log
	command.SysProcAttr = childAttr(nil, syscall.SIGKILL)
	return command
}

// run starts a process, waits for its end and, if nobody here caused that, starts
// another. It keeps one thread for itself: when the thread that forked a child ends, the
// kernel takes the parent for dead (see childAttr).
func (w *Workers) run(p *Worker, launched chan<- error) {
	runtime.LockOSThread()
	err := p.command.Start()
	launched <- err
	if err != nil {
		return
	}
	err = p.command.Wait()
	w.mu.Lock()
	w.running = slices.DeleteFunc(w.running, func(other *Worker) bool { return other == p })
	replace := !p.ending && !w.closed
	if replace {
		w.exits++
	}
	w.mu.Unlock()
	close(p.ended)
	if !replace {
		return
	}
	w.logger.Warn("a worker process ended by itself; starting another", "process", p.name, "error", err)
	if err := w.Start(p.stage); err != nil {
		w.logger.Error("the worker process is not replaced", "error", err)
	}
}

// Count is how many processes of a stage there are, without those that are being
// stopped.
func (w *Workers) Count(stage string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.running {
		if p.stage == stage && !p.ending {
			n++
		}
	}
	return n
}

// PIDs are the processes, by stage.
func (w *Workers) PIDs() map[string][]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[string][]int{}
	for _, p := range w.running {
		all[p.stage] = append(all[p.stage], p.command.Process.Pid)
	}
	return all
}

// Exits is how many processes ended by themselves so far.
func (w *Workers) Exits() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.exits
}

// Pick returns one of a stage's processes that are able, the one with the number pick
// modulo how many there are, or nil where there is none. One that is being stopped is
// not able. The function must not call the Workers.
func (w *Workers) Pick(stage string, pick int, able func(*Worker) bool) *Worker {
	return w.claim(stage, pick, able, func(*Worker) {})
}

// claim is Pick, and marks the process before another call can pick it.
func (w *Workers) claim(stage string, pick int, able func(*Worker) bool, mark func(*Worker)) *Worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	var from []*Worker
	for _, p := range w.running {
		if p.stage == stage && !p.ending && able(p) {
			from = append(from, p)
		}
	}
	if len(from) == 0 {
		return nil
	}
	p := from[pick%len(from)]
	mark(p)
	return p
}

func (p *Worker) thawed() bool { return !p.frozen }
func (p *Worker) end()         { p.ending = true }

// Kill kills a process of a stage, one as Pick picks it that is not frozen, and starts
// another in its place. It returns false where there is none.
func (w *Workers) Kill(stage string, pick int) (bool, error) {
	p := w.claim(stage, pick, (*Worker).thawed, (*Worker).end)
	if p == nil {
		return false, nil
	}
	_ = p.command.Process.Kill() // fails only where it has ended
	<-p.ended
	return true, w.Start(stage)
}

// Freeze stops a process of a stage for a time, or until ctx ends, as a long pause of its
// machine would: it does not notice that time passes. It picks as Kill does.
func (w *Workers) Freeze(ctx context.Context, stage string, pick int, d time.Duration) (bool, error) {
	p := w.claim(stage, pick, (*Worker).thawed, func(p *Worker) { p.frozen = true })
	if p == nil {
		return false, nil
	}
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		p.frozen = false
	}()
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return false, fmt.Errorf("freeze %s: %w", p.name, err)
	}
	Pause(ctx, d)
	if err := p.command.Process.Signal(syscall.SIGCONT); err != nil {
		return true, fmt.Errorf("thaw %s: %w", p.name, err)
	}
	return true, nil
}

// Stop asks a process of a stage to stop, and waits until it has. One that takes longer
// than 30 s is killed, which is an error. It picks as Kill does.
func (w *Workers) Stop(stage string, pick int) (bool, error) {
	p := w.claim(stage, pick, (*Worker).thawed, (*Worker).end)
	if p == nil {
		return false, nil
	}
	return true, w.stop(p)
}

func (w *Workers) stop(p *Worker) error {
	_ = p.command.Process.Signal(syscall.SIGTERM) // fails only where it has ended
	timer := time.NewTimer(w.stopWithin)
	defer timer.Stop()
	select {
	case <-p.ended:
		return nil
	case <-timer.C:
		_ = p.command.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not stop within %s of SIGTERM", p.name, w.stopWithin)
	}
}

// Close stops all processes, as Stop does, at once. None is started after it.
func (w *Workers) Close() error {
	w.mu.Lock()
	w.closed = true
	all := slices.Clone(w.running)
	for _, p := range all {
		p.ending = true
		_ = p.command.Process.Signal(syscall.SIGTERM)
	}
	w.mu.Unlock()
	var errs []error
	for _, p := range all {
		errs = append(errs, w.stop(p))
	}
	return errors.Join(errs...)
}
