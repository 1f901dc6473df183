package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// postgresUser is who Postgres runs as: nil is us. Postgres refuses root.
func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return credential(u)
		}
	}
	return nil, errors.New(`Postgres refuses to run as root, and there is no user "postgres" or "nobody" to run it as: add one, or run as an ordinary user`)
}

func credential(u *user.User) (*syscall.Credential, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the id of user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the group of user %s: %w", u.Username, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// mustReach returns an error where Postgres' user may not pass through a folder on the
// way to its own. Postgres' own message would not name that folder.
func mustReach(user *syscall.Credential, folders ...string) error {
	if user == nil {
		return nil
	}
	for _, folder := range folders {
		for dir := folder; ; dir = filepath.Dir(dir) {
			if err := mustPass(user, dir, folder); err != nil {
				return err
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

func mustPass(user *syscall.Credential, dir, goal string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if mayPass(user, info) {
		return nil
	}
	return fmt.Errorf("as root, Postgres runs as user id %d, which may not pass through %s to %s: give a folder elsewhere, or chmod o+x %s",
		user.Uid, dir, goal, dir)
}

func mayPass(user *syscall.Credential, info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case ok && owner.Uid == user.Uid:
		return mode&0o100 != 0
	case ok && owner.Gid == user.Gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
