package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// program is all that the supervisor must know of a server: how it is launched, asked
// whether it works, and stopped.
type program struct {
	name    string
	title   string // for people: "Apache Kafka 4.3.1"
	command func() *exec.Cmd
	user    *syscall.Credential // nil: ours
	cleanUp func() error        // removes what a killed process left; runs before every launch; may be nil
	answers func(context.Context) error
	// stop is the signal that asks for a clean end, and the one that the process gets when
	// we die. 0: the process ends when its standard input does.
	stop syscall.Signal
}

// process is one run of a server's program.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer // open until the process is to end
	log   *os.File
	from  int64 // where in the log this run begins
	began time.Time
	ended chan struct{}
	err   error // how it ended; read after ended is closed
}

// launch must be called on a locked thread that ends after the process: to the
// kernel the thread that forks is the parent (see childAttr).
func launch(p program, dir, logPath string) (*process, error) {
	if p.cleanUp != nil {
		if err := p.cleanUp(); err != nil {
			return nil, fmt.Errorf("clear up before the start: %w", err)
		}
	}
	log, from, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	cmd := p.command()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = childAttr(p.user, p.stop)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return &process{cmd: cmd, stdin: stdin, log: log, from: from, began: time.Now(), ended: make(chan struct{})}, nil
}

// wait returns when the process has ended; one goroutine calls it, once.
func (p *process) wait() {
	p.err = p.cmd.Wait()
	_ = p.log.Close() // the child's writes don't go through it
	close(p.ended)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// askToStop is for a process that may have ended already.
func (p *process) askToStop(how syscall.Signal) error {
	if how == 0 {
		return ignoreEnded(p.stdin.Close())
	}
	return ignoreEnded(p.cmd.Process.Signal(how))
}

func (p *process) kill() error { return ignoreEnded(p.cmd.Process.Kill()) }

func ignoreEnded(err error) error {
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// status is how the process ended, in words.
func (p *process) status() string {
	if p.err == nil {
		return "ended by itself"
	}
	return p.err.Error()
}
