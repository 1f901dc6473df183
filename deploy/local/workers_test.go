package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// workerVariable makes a copy of this test program a worker process, and says how it
// behaves.
const workerVariable = "TAJDEED_LOCAL_TEST_WORKER"

const (
	obedient = "obedient" // stops when it is asked to
	deaf     = "deaf"     // does not
	brief    = "brief"    // ends by itself at once
)

// work says what it was started with, and behaves.
func work(behaviour string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Printf("ready: %s\n", strings.Join(os.Args[1:], " "))
	if behaviour == brief {
		os.Exit(3)
	}
	<-asked
	for behaviour == deaf {
		<-asked
	}
}

// newWorkers are obedient, but for those that are named.
func newWorkers(t *testing.T, others map[string]string) *Workers {
	t.Helper()
	w := NewWorkers(WorkersConfig{
		Args: map[string][]string{"renewals": {"--batch", "7"}},
		Env:  []string{workerVariable + "=" + obedient},
		Logs: t.TempDir(),
		Extra: func(name string) (args, env []string) {
			if behaviour := others[name]; behaviour != "" {
				env = []string{workerVariable + "=" + behaviour}
			}
			return []string{"--clock", name}, env
		},
	})
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// ready waits until a process has said that it is, and returns what it was started with.
func (w *Workers) ready(t *testing.T, name string) (args string) {
	t.Helper()
	said := func() bool {
		body, _ := os.ReadFile(filepath.Join(w.config.Logs, name+".log"))
		var done bool
		args, done = strings.CutPrefix(string(body), "ready: ")
		return done && strings.HasSuffix(args, "\n")
	}
	if !waitUntil(limit(t), time.Minute, said) {
		t.Fatalf("%s is not ready", name)
	}
	return strings.TrimSpace(args)
}

func startWorkers(t *testing.T, w *Workers, names ...string) {
	t.Helper()
	for _, name := range names {
		stage, _, _ := strings.Cut(name, "-")
		must(t, w.Start(stage))
		w.ready(t, name)
	}
}

// wantStruck wants a fault that hit a process, or that found none.
func wantStruck(t *testing.T, want bool) func(bool, error) {
	t.Helper()
	return func(got bool, err error) {
		t.Helper()
		if must(t, err); got != want {
			t.Errorf("a process was hit: %v, want %v", got, want)
		}
	}
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	w := newWorkers(t, nil)
	startWorkers(t, w, "renewals-1", "renewals-2", "analytics-3")
	if got := w.ready(t, "renewals-2"); got != "renewals --batch 7 --clock renewals-2" {
		t.Errorf("it was started with %q", got)
	}
	if got := w.ready(t, "analytics-3"); got != "analytics --clock analytics-3" {
		t.Errorf("it was started with %q", got)
	}
	before := w.PIDs()
	if len(before["renewals"]) != 2 || len(before["analytics"]) != 1 || w.Count("renewals") != 2 {
		t.Errorf("there are %v", before)
	}
	if group, err := syscall.Getpgid(before["renewals"][0]); err != nil || group != before["renewals"][0] {
		t.Errorf("process %d is in process group %d (%v), want its own", before["renewals"][0], group, err)
	}

	wantStruck(t, true)(w.Kill("renewals", 4)) // of two, that is the first
	w.ready(t, "renewals-4")
	if after := w.PIDs()["renewals"]; len(after) != 2 || after[0] != before["renewals"][1] {
		t.Errorf("there are %v after the first of %v was killed", after, before["renewals"])
	}
	wantStruck(t, true)(w.Stop("renewals", 0))
	wantStruck(t, true)(w.Stop("renewals", 0))
	wantStruck(t, false)(w.Stop("renewals", 0))
	wantStruck(t, false)(w.Kill("renewals", 0))
	if w.Count("renewals") != 0 || w.Count("analytics") != 1 || w.Exits() != 0 {
		t.Errorf("%d and %d processes after %d exits, want 0 and 1 after 0", w.Count("renewals"), w.Count("analytics"), w.Exits())
	}
	must(t, w.Close())
	must(t, w.Start("renewals"))
	if len(w.PIDs()) != 0 {
		t.Errorf("there are %v after the close", w.PIDs())
	}
}

func TestWorkerThatEndsIsReplacedAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorkers(t, map[string]string{"renewals-1": brief, "renewals-2": brief})
	must(t, w.Start("renewals"))
	w.ready(t, "renewals-3")
	if w.Exits() != 2 || w.Count("renewals") != 1 {
		t.Errorf("%d exits and %d processes, want 2 and 1", w.Exits(), w.Count("renewals"))
	}
	must(t, w.Close())
}

func TestWorkerThatDoesNotStopIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorkers(t, map[string]string{"renewals-1": deaf, "renewals-2": deaf})
	w.stopWithin = 50 * time.Millisecond
	startWorkers(t, w, "renewals-1", "renewals-2", "renewals-3")
	hit, err := w.Stop("renewals", 0)
	wantSentence(t, err, "renewals-1 did not stop within 50ms of SIGTERM")
	if !hit || w.Count("renewals") != 2 {
		t.Errorf("a process was hit: %v; %d are left, want 2", hit, w.Count("renewals"))
	}
	wantSentence(t, w.Close(), "renewals-2 did not stop")
	if len(w.PIDs()) != 0 {
		t.Errorf("there are %v after the close", w.PIDs())
	}
}

func TestWorkerIsFrozen(t *testing.T) {
	t.Parallel()
	w := newWorkers(t, nil)
	startWorkers(t, w, "renewals-1")
	pid := w.PIDs()["renewals"][0]
	ctx, thaw := context.WithCancel(limit(t))
	done := make(chan error)
	go func() {
		_, err := w.Freeze(ctx, "renewals", 0, time.Hour)
		done <- err
	}()
	if !waitUntil(limit(t), time.Minute, func() bool { return stopped(t, pid) }) {
		t.Fatalf("process %d does not stand still", pid)
	}
	wantStruck(t, false)(w.Freeze(ctx, "renewals", 0, 0))
	wantStruck(t, false)(w.Kill("renewals", 0))
	if w.Pick("renewals", 0, func(*Worker) bool { return true }) == nil {
		t.Error("a frozen process cannot be picked")
	}
	thaw()
	must(t, <-done)
	if !waitUntil(limit(t), time.Minute, func() bool { return !stopped(t, pid) }) {
		t.Errorf("process %d stands still", pid)
	}
	wantStruck(t, true)(w.Stop("renewals", 0))
}

// stopped says that a process stands still, after SIGSTOP.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		return strings.Contains(string(stat), ") T ")
	}
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	must(t, err)
	return strings.HasPrefix(string(state), "T")
}

func TestPickAmongTheAble(t *testing.T) {
	t.Parallel()
	w := newWorkers(t, nil)
	startWorkers(t, w, "renewals-1", "renewals-2", "renewals-3")
	odd := func(p *Worker) bool { return p.Name() != "renewals-2" }
	var picked []string
	for pick := range 4 {
		picked = append(picked, w.Pick("renewals", pick, odd).Name())
	}
	if want := []string{"renewals-1", "renewals-3", "renewals-1", "renewals-3"}; !slices.Equal(picked, want) {
		t.Errorf("picked %v, want %v", picked, want)
	}
	if w.Pick("renewals", 0, func(*Worker) bool { return false }) != nil || w.Pick("analytics", 0, odd) != nil {
		t.Error("one that is not there was picked")
	}
	must(t, w.Close())
}

func TestWorkersThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	wantSentence(t, NewWorkers(WorkersConfig{Logs: "/nonexistent"}).Start("renewals"), "open a log", "/nonexistent")
	w := NewWorkers(WorkersConfig{Program: "/nonexistent", Logs: t.TempDir()})
	wantSentence(t, w.Start("renewals"), "start renewals-1", "/nonexistent")
	if len(w.PIDs()) != 0 {
		t.Errorf("there are %v", w.PIDs())
	}
}
