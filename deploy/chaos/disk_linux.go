package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// smallDisk is a file system in memory whose size can change. Shrinking it to what it holds
// makes it full at once.
type smallDisk struct{ path, size string }

// mountDisk moves a folder's content to a new disk that is mounted in the folder's place.
// It needs root, and a machine that lets root mount.
func mountDisk(ctx context.Context, path, size string) (d *smallDisk, err error) {
	content := path + ".content"
	if err := copyFolder(ctx, path, content); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(content)) }()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+size); err != nil {
		return nil, fmt.Errorf("mount a small disk: %w", err)
	}
	d = &smallDisk{path: path, size: size}
	if err := copyFolder(ctx, content, path); err != nil {
		return nil, errors.Join(err, d.close(ctx, false))
	}
	return d, nil
}

// copyFolder copies a folder with its content, owners and modes.
func copyFolder(ctx context.Context, from, to string) error {
	if said, err := exec.CommandContext(ctx, "cp", "-a", "-T", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, said)
	}
	return nil
}

// fill shrinks the disk so that no other page fits. A server may write between the
// measuring and the shrinking, which then fails, so it tries up to 20 times.
func (d *smallDisk) fill() (err error) {
	for range 20 {
		var now syscall.Statfs_t
		if err := syscall.Statfs(d.path, &now); err != nil {
			return fmt.Errorf("measure the small disk: %w", err)
		}
		used := max(now.Blocks-now.Bfree, 1) * uint64(now.Bsize) // none would mean no limit
		if err = d.resize(strconv.FormatUint(used, 10)); err == nil {
			return nil
		}
	}
	return err
}

func (d *smallDisk) free() error { return d.resize(d.size) }

func (d *smallDisk) resize(size string) error {
	if err := syscall.Mount("", d.path, "", syscall.MS_REMOUNT, "size="+size); err != nil {
		return fmt.Errorf("resize the small disk: %w", err)
	}
	return nil
}

// close unmounts the disk. If its content is to be kept, a folder with it takes the disk's
// place.
func (d *smallDisk) close(ctx context.Context, keep bool) error {
	content := d.path + ".content"
	if keep {
		if err := copyFolder(ctx, d.path, content); err != nil {
			return err
		}
	}
	if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil || !keep {
		return err
	}
	if err := os.RemoveAll(d.path); err != nil {
		return fmt.Errorf("make room for the content of the small disk: %w", err)
	}
	return os.Rename(content, d.path)
}
