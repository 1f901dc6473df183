package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// A lock is flock(2) on a file. The kernel releases it when its holder ends, however it
// ends, so a lock file that merely exists means nothing. The process id in it is for
// people. The file stays after a release: if it were removed, two others could each lock
// a file of that name.
func newLock(path string) *flock.Flock { return flock.New(path, flock.SetPermissions(0o644)) }

// heldError says that a living process has the lock.
type heldError struct{ holder string }

func (e heldError) Error() string { return "held by process " + e.holder }

// tryLock locks a file, or says who has locked it ([heldError]).
func tryLock(path string) (*flock.Flock, error) {
	l := newLock(path)
	locked, err := l.TryLock()
	if err == nil && !locked {
		return nil, readHolder(path)
	}
	return locks(l, err)
}

// waitLock waits until it can lock a file that others lock for minutes at most.
func waitLock(ctx context.Context, path string) (*flock.Flock, error) {
	l := newLock(path)
	_, err := l.TryLockContext(ctx, 100*time.Millisecond)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("wait for %s, %w: %w", path, readHolder(path), err)
	}
	return locks(l, err)
}

// locks writes down who has locked the file.
func locks(l *flock.Flock, err error) (*flock.Flock, error) {
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if err := os.WriteFile(l.Path(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock: %w", err), l.Close())
	}
	return l, nil
}

func readHolder(path string) heldError {
	body, err := os.ReadFile(path)
	if holder := strings.TrimSpace(string(body)); err == nil && holder != "" {
		return heldError{holder}
	}
	return heldError{"unknown"}
}

func inUse(data string, err error) error {
	held, ok := errors.AsType[heldError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("the servers in %s already run under process %s: stop that one, use its servers, or give another data folder", data, held.holder)
}
