package main

import (
	"fmt"
	"syscall"
)

// ownGroup keeps Ctrl-C from a process, and has it end when this one does.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// smallDisk is a file system of its own whose size can change: it gets full
// without being filled.
type smallDisk struct{ path string }

const diskSize = "1g"

// mountDisk needs root, and a machine that lets it mount.
func mountDisk(path string, owner int) (*smallDisk, error) {
	options := fmt.Sprintf("size=%s,mode=0700,uid=%d,gid=%d", diskSize, owner, owner)
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, options); err != nil {
		return nil, fmt.Errorf("mount a small disk: %w", err)
	}
	return &smallDisk{path: path}, nil
}

// fill leaves no room for another page.
func (d *smallDisk) fill() error {
	var now syscall.Statfs_t
	if err := syscall.Statfs(d.path, &now); err != nil {
		return fmt.Errorf("measure the small disk: %w", err)
	}
	used := (now.Blocks - now.Bfree) * uint64(now.Bsize)
	return d.resize(fmt.Sprint(used))
}

func (d *smallDisk) free() error { return d.resize(diskSize) }

func (d *smallDisk) resize(size string) error {
	if err := syscall.Mount("", d.path, "", syscall.MS_REMOUNT, "size="+size); err != nil {
		return fmt.Errorf("resize the small disk: %w", err)
	}
	return nil
}

func (d *smallDisk) close() error {
	if d == nil {
		return nil
	}
	if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the small disk: %w", err)
	}
	return nil
}
