//go:build !linux

package main

import (
	"context"
	"errors"
	"syscall"
)

// ownGroup keeps Ctrl-C from a process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// smallDisk is what only Linux lets us make.
type smallDisk struct{ path string }

func mountDisk(context.Context, string, string) (*smallDisk, error) {
	return nil, errors.New("a small disk can be made on Linux only")
}

func (*smallDisk) fill() error                       { return nil }
func (*smallDisk) free() error                       { return nil }
func (*smallDisk) close(context.Context, bool) error { return nil }
