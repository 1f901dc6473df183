package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	must(t, os.WriteFile(path, []byte("4194999\n"), 0o644)) // of one that has ended
	l, err := tryLock(path)
	must(t, err)
	_, err = tryLock(path)
	if held, ok := errors.AsType[heldError](err); !ok || held.holder != strconv.Itoa(os.Getpid()) {
		t.Errorf("a second lock: %v, want one held by process %d", err, os.Getpid())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = waitLock(ctx, path)
	wantSentence(t, err, "wait for "+path, "held by process "+strconv.Itoa(os.Getpid()))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's error in it", err)
	}
	must(t, l.Close())
	l, err = waitLock(limit(t), path)
	must(t, err)
	must(t, l.Close())
	_, err = tryLock(filepath.Join(path, "below a file"))
	wantSentence(t, err, "lock "+path)
}
