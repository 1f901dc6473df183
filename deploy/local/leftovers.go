package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// endLeftovers stops the servers that a killed run left behind. They notice that their
// parent has ended and stop by themselves; this waits for them and kills one that hangs.
// A process id that belongs to another program by now is left alone.
func (f *folder) endLeftovers(ctx context.Context, log *slog.Logger) error {
	for name, pid := range f.now.Processes {
		if !f.isOurs(name, pid) {
			continue
		}
		log.Warn("an earlier run left a server behind; stopping it", "server", name, "pid", pid)
		if err := f.endLeftover(ctx, name, pid); err != nil {
			return fmt.Errorf("stop the %s that an earlier run left, process %d: %w", name, pid, err)
		}
	}
	return nil
}

// isOurs recognises a server by its command line, which names its folder.
func (f *folder) isOurs(name string, pid int) bool {
	line, alive := commandLine(pid)
	for _, dir := range []string{name, string(BrokerKfake)} {
		if alive && strings.Contains(line, filepath.Join(f.path, dir)) {
			return true
		}
	}
	return false
}

func (f *folder) endLeftover(ctx context.Context, name string, pid int) error {
	gone := func() bool { return !f.isOurs(name, pid) }
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, 10 * time.Second}, {syscall.SIGKILL, 10 * time.Second}} {
		if err := syscall.Kill(pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		if waitUntil(ctx, step.wait, gone) {
			return nil
		}
	}
	return errors.New("it does not end")
}

func waitUntil(ctx context.Context, atMost time.Duration, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	for !condition() {
		if !Pause(ctx, 20*time.Millisecond) {
			return condition()
		}
	}
	return true
}
