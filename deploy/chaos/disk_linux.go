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

// smallDisk is a file system of its own whose size can change: it gets full
// without being filled.
type smallDisk struct{ path, size string }

// mountDisk puts what lies in a folder on a disk in the folder's place. It needs root,
// and a machine that lets it mount.
func mountDisk(ctx context.Context, path, size string) (d *smallDisk, err error) {
	aside := path + ".aside"
	if err := copyFolder(ctx, path, aside); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(aside)) }()
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+size); err != nil {
		return nil, fmt.Errorf("mount a small disk: %w", err)
	}
	d = &smallDisk{path: path, size: size}
	if err := copyFolder(ctx, aside, path); err != nil {
		return nil, errors.Join(err, d.close(ctx, false))
	}
	return d, nil
}

// copyFolder makes to the same as from, in content, owners and modes.
func copyFolder(ctx context.Context, from, to string) error {
	if said, err := exec.CommandContext(ctx, "cp", "-a", "-T", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, said)
	}
	return nil
}

// fill leaves no room for another page. What was measured may be used up the moment
// after, and then the disk can't shrink to that.
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

// close takes the disk away. What lay there stays in its place if it is to be kept.
func (d *smallDisk) close(ctx context.Context, keep bool) error {
	aside := d.path + ".aside"
	if keep {
		if err := copyFolder(ctx, d.path, aside); err != nil {
			return err
		}
	}
	if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil || !keep {
		return err
	}
	if err := os.RemoveAll(d.path); err != nil {
		return fmt.Errorf("make way for what lay on the small disk: %w", err)
	}
	return os.Rename(aside, d.path)
}
