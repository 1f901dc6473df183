package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
)

// stateFile is the file that marks a data folder as ours.
const stateFile = "servers.json"

// state is what a data folder keeps from one start to the next.
type state struct {
	MadeBy    string         `json:"made_by"` // always madeBy; a file of this name that says otherwise is not ours
	Broker    Broker         `json:"broker,omitempty"`
	Ports     Ports          `json:"ports"`
	Processes map[string]int `json:"processes"` // what was started and not yet seen to end
}

const madeBy = "tajdeed deploy/local"

// folder is a data folder that this process has locked.
type folder struct {
	path string
	lock *flock.Flock

	mu  sync.Mutex
	now state
}

// openFolder makes or finds the data folder, locks it, and clears away what an
// earlier run left: processes always, data if the start is to be fresh.
func openFolder(ctx context.Context, c Config) (*folder, error) {
	if err := makeFolder(c.Data); err != nil {
		return nil, err
	}
	r, err := readState(c.Data)
	if err != nil {
		return nil, err
	}
	l, err := tryLock(filepath.Join(c.Data, "lock"))
	if err != nil {
		return nil, inUse(c.Data, err)
	}
	f := &folder{path: c.Data, lock: l, now: r}
	if err := f.clear(ctx, c); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *folder) clear(ctx context.Context, c Config) error {
	if err := f.endLeftovers(ctx, c.Logger); err != nil {
		return err
	}
	if c.Fresh {
		if err := f.removeData(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(f.path, "log"), 0o755); err != nil {
		return cannotWrite(f.path, err)
	}
	return f.update(func(r *state) { r.Processes = map[string]int{} })
}

func makeFolder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return cannotWrite(path, err)
	}
	probe, err := os.CreateTemp(path, ".probe-*")
	if err != nil {
		return cannotWrite(path, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func cannotWrite(path string, err error) error {
	return fmt.Errorf("the data folder %s cannot be written: give another, or make it yours: %w", path, err)
}

// readState refuses a folder with files that tajdeed did not make.
func readState(path string) (state, error) {
	fresh := state{MadeBy: madeBy}
	body, err := os.ReadFile(filepath.Join(path, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, mustBeEmpty(path)
	}
	if err != nil {
		return fresh, fmt.Errorf("read the data folder's state: %w", err)
	}
	var r state
	if err := json.Unmarshal(body, &r); err != nil || r.MadeBy != madeBy {
		return fresh, notOurs(path)
	}
	return r, nil
}

func mustBeEmpty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read the data folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != "lock" { // another tajdeed may be one step ahead
			return notOurs(path)
		}
	}
	return nil
}

func notOurs(path string) error {
	return fmt.Errorf("%s holds files that tajdeed did not make, and stays untouched: give an empty or a new folder", path)
}

// removeData removes what this package makes in a data folder, by name.
func (f *folder) removeData() error {
	for _, name := range []string{"postgres", "postgres.new", "clickhouse", "kafka", "kfake", "log"} {
		if err := os.RemoveAll(filepath.Join(f.path, name)); err != nil {
			return fmt.Errorf("begin with a fresh data folder: %w", err)
		}
	}
	return f.update(func(r *state) { r.Broker = "" })
}

// ports and broker are those of the last start on this folder; zero if there was none.
func (f *folder) ports() Ports {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now.Ports
}

func (f *folder) broker() Broker {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now.Broker
}

// update changes the state and writes the file whole, or not at all.
func (f *folder) update(change func(*state)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.now)
	body, err := json.MarshalIndent(f.now, "", "  ")
	if err != nil {
		return fmt.Errorf("write the data folder's state: %w", err)
	}
	return replaceFile(filepath.Join(f.path, stateFile), append(body, '\n'))
}

func (f *folder) started(name string, pid int) error {
	return f.update(func(r *state) { r.Processes[name] = pid })
}

func (f *folder) ended(name string) error {
	return f.update(func(r *state) { delete(r.Processes, name) })
}

func (f *folder) close() error { return f.lock.Close() }

// replaceFile writes beside the file and renames, so that a reader or a crash
// never sees half of it.
func replaceFile(path string, body []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, body, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
