//go:build !linux

package main

import (
	"errors"
	"syscall"
)

// ownGroup keeps Ctrl-C from a process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// smallDisk is what only Linux lets us make.
type smallDisk struct{}

func mountDisk(string, int) (*smallDisk, error) {
	return nil, errors.New("a small disk can be made on Linux only")
}

func (*smallDisk) fill() error  { return nil }
func (*smallDisk) free() error  { return nil }
func (*smallDisk) close() error { return nil }
