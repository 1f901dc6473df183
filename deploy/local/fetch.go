package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// fetch returns the cache's folder with the packages in it, and fetches them
// if they are not there. Of two processes that want the same, one waits for the other; a
// fetch that is cut short leaves nothing that looks complete.
func (c Config) fetch(ctx context.Context, p packageSet) (string, error) {
	final, err := c.cached(p)
	if err != nil || exists(final) {
		return final, err
	}
	if err := os.MkdirAll(c.Cache, 0o755); err != nil {
		return "", fmt.Errorf("the package cache %s cannot be written: give another, or make it yours: %w", c.Cache, err)
	}
	l, err := waitLock(ctx, filepath.Join(c.Cache, p.name+".lock"))
	if err != nil {
		return "", err
	}
	if exists(final) { // another process was quicker
		return final, l.Close()
	}
	c.Progress("fetching " + p.title)
	return final, errors.Join(c.fetchInto(ctx, p, final), l.Close())
}

// cached is where the packages are, or would be.
func (c Config) cached(p packageSet) (string, error) {
	digest, err := p.digest()
	if err != nil {
		return "", fmt.Errorf("read the manifests of %s: %w", p.title, err)
	}
	return filepath.Join(c.Cache, fmt.Sprintf("%s-%s-%s-%s", p.name, runtime.GOOS, runtime.GOARCH, digest)), nil
}

func (c Config) fetchInto(ctx context.Context, p packageSet, final string) error {
	dir, err := os.MkdirTemp(c.Cache, p.name+"-fetching-")
	if err != nil {
		return fmt.Errorf("make a folder in the package cache: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing, once it was renamed
	if err := p.writeManifests(dir); err != nil {
		return fmt.Errorf("write the manifests of %s: %w", p.title, err)
	}
	if err := p.fetch(ctx, dir); err != nil {
		return fmt.Errorf("fetch %s: %w", p.title, err)
	}
	if err := openForAll(dir); err != nil {
		return fmt.Errorf("make %s readable: %w", p.title, err)
	}
	if err := os.Rename(dir, final); err != nil {
		return fmt.Errorf("move %s into the package cache: %w", p.title, err)
	}
	return nil
}

// openForAll makes the files readable for every user: Postgres does not run as root.
func openForAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if d.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}

// npmInstall installs exactly what the lock file names, without running any
// script of any package.
func npmInstall(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("npm is needed once, to fetch the server's package, and was not found: install Node.js (Debian: apt-get install npm)")
	}
	return runTool(ctx, dir, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
}

// runTool runs a program to its end in a process group of its own. The last lines of
// its output are in the error.
func runTool(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = childAttr(nil, 0)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("run %s: %w", filepath.Base(name), ctx.Err())
	}
	return fmt.Errorf("run %s: %w: %s", filepath.Base(name), err, lastLines(out))
}

// lastLines is the end of a program's output: short enough for an error, and long enough
// for what pip says of a wheel that has none of the digests.
func lastLines(out []byte) string {
	const lines = 8
	all := strings.Split(string(bytes.TrimSpace(out)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
