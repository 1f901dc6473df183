package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lock is an advisory lock on a file. The kernel lets it go when its holder
// ends, however it ends, so a lock file that merely lies there means nothing.
// The process id in it is for people.
type lock struct{ file *os.File }

// heldError says that a living process has the lock.
type heldError struct{ holder string }

func (e heldError) Error() string { return "held by process " + e.holder }

func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &lock{file}, writeHolder(file)
	}
	defer file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, heldError{readHolder(file)}
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// waitLock is takeLock for a lock that is held for minutes at most.
func waitLock(ctx context.Context, path string) (*lock, error) {
	for {
		l, err := takeLock(path)
		if !errors.As(err, new(heldError)) {
			return l, err
		}
		if !pause(ctx, 100*time.Millisecond) {
			return nil, fmt.Errorf("wait for %s, %w: %w", path, err, ctx.Err())
		}
	}
}

func writeHolder(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write the lock: %w", err)
	}
	return nil
}

func readHolder(file *os.File) string {
	body, err := io.ReadAll(io.LimitReader(file, 32))
	if holder := strings.TrimSpace(string(body)); err == nil && holder != "" {
		return holder
	}
	return "unknown"
}

// release closes the file, which ends the lock. The file stays: removing it
// would let two others each lock a file of that name.
func (l *lock) release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release the lock: %w", err)
	}
	return nil
}

func inUse(data string, err error) error {
	var held heldError
	if !errors.As(err, &held) {
		return err
	}
	return fmt.Errorf("the servers in %s already run under process %s: stop that one, use its servers, or give another data folder", data, held.holder)
}

// pause waits, and tells whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
