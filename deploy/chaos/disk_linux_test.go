package chaos

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A small disk keeps the content of the folder that it replaces, is full after fill, has
// room after free, and leaves its content behind if that is to be kept.
func TestSmallDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name string) error {
		return os.WriteFile(filepath.Join(path, name), bytes.Repeat([]byte{1}, 1<<16), 0o600)
	}
	check := func(step string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v, want %v", step, err, want)
		}
	}
	check("before", write("before"), nil)
	d, err := mountDisk(t.Context(), path, "16m")
	if os.Geteuid() != 0 { // without the right to mount there is an error, and nothing is lost
		check("mount without the right to", err, syscall.EPERM)
		if body, err := os.ReadFile(filepath.Join(path, "before")); err != nil || len(body) != 1<<16 {
			t.Errorf("before: %d bytes are left, %v", len(body), err)
		}
		return
	}
	check("mount", err, nil)
	t.Cleanup(func() { _ = syscall.Unmount(path, syscall.MNT_DETACH) }) // after a failure before close
	check("fill", d.fill(), nil)
	check("write to a full disk", write("full"), syscall.ENOSPC)
	check("free", d.free(), nil)
	check("write to a disk with room", write("after"), nil)
	check("close", d.close(t.Context(), true), nil)
	for _, name := range []string{"before", "after"} {
		if body, err := os.ReadFile(filepath.Join(path, name)); err != nil || len(body) != 1<<16 {
			t.Errorf("%s: %d bytes are left, %v", name, len(body), err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside it lie %v (%v)", entries, err)
	}
}
