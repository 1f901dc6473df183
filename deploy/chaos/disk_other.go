//go:build !linux

package chaos

import (
	"context"
	"errors"
)

// smallDisk can be made on Linux only.
type smallDisk struct{ path string }

func mountDisk(context.Context, string, string) (*smallDisk, error) {
	return nil, errors.New("a small disk can be made on Linux only")
}

func (*smallDisk) fill() error                       { return nil }
func (*smallDisk) free() error                       { return nil }
func (*smallDisk) close(context.Context, bool) error { return nil }
