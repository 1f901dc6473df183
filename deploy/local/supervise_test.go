package local

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shell is a server that is a shell script and answers when it has made a file.
func shell(t *testing.T, script string) *Server {
	t.Helper()
	c := Config{Data: newData(t), Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	f, err := openFolder(limit(t), c)
	must(t, err)
	up := filepath.Join(c.Data, "up")
	s := newServer(program{
		name:    kafkaName,
		title:   "Kafka",
		command: func() *exec.Cmd { return exec.Command("/bin/sh", "-c", script) },
		cleanUp: func() error { return os.RemoveAll(up) },
		answers: func(context.Context) error { _, err := os.Stat(up); return err },
		stop:    syscall.SIGTERM,
	}, f, c.Logger)
	t.Cleanup(func() { _ = s.Stop(context.Background()); _ = f.close() })
	return s
}

func TestServerThatNeverAnswersShowsItsLog(t *testing.T) {
	t.Parallel()
	s := shell(t, "echo the disk is full; exit 3")
	wantSentence(t, s.Start(limit(t)), "died 3 times", "exit status 3", "the disk is full", s.Log())
}

func TestServerThatCannotBeLaunchedSaysSo(t *testing.T) {
	t.Parallel()
	s := shell(t, "")
	s.program.command = func() *exec.Cmd { return exec.Command("/nonexistent") }
	wantSentence(t, s.Start(limit(t)), "launch kafka", "/nonexistent")
	s.program.command = func() *exec.Cmd { return exec.Command("/bin/sh", "-c", "touch up; exec sleep 600") }
	must(t, s.Start(limit(t)))
}

func TestStopKillsWhatDoesNotStop(t *testing.T) {
	t.Parallel()
	s := shell(t, `trap "" TERM; touch up; while :; do sleep 600; done`)
	must(t, s.Start(limit(t)))
	ctx, cancel := context.WithTimeout(limit(t), 50*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the stop says %v", err)
	}
	if s.PID() != 0 {
		t.Errorf("process %d is there after the stop", s.PID())
	}
}

func TestDeathIsLoggedWithTheTail(t *testing.T) {
	t.Parallel()
	s := shell(t, "echo my last words; touch up; exec sleep 600")
	var said strings.Builder
	s.logger = slog.New(slog.NewTextHandler(&said, nil))
	must(t, s.Start(limit(t)))
	must(t, s.Kill())
	must(t, s.Ready(limit(t)))
	must(t, s.Stop(limit(t))) // nothing writes any more
	if !strings.Contains(said.String(), "died") || !strings.Contains(said.String(), "my last words") {
		t.Errorf("the log says %q", said.String())
	}
}

// One line says how often, what for and where more is written; the stack is left out.
func TestDeathsOneAfterAnotherAreToldInALine(t *testing.T) {
	t.Parallel()
	s := shell(t, `touch up; printf 'java.io.IOException: the disk is full\n\tat java.base/x\n'; exit 3`)
	var said strings.Builder
	s.logger = slog.New(slog.NewTextHandler(&said, nil))
	s.begin()
	if !waitUntil(limit(t), time.Minute, func() bool { return s.Deaths() >= 4 }) {
		t.Fatalf("%d deaths", s.Deaths())
	}
	must(t, s.Stop(limit(t))) // nothing writes any more
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != s.Deaths() {
		t.Errorf("%d lines for %d deaths", len(lines), s.Deaths())
	}
	for _, part := range []string{"Kafka died 3 times in ", "exit status 3", "its log ends: java.io.IOException: the disk is full", "again_in=400ms", s.Log()} {
		if !strings.Contains(lines[2], part) {
			t.Errorf("the third line is %s, want %q in it", lines[2], part)
		}
	}
	if strings.Contains(said.String(), "java.base") {
		t.Errorf("the stack is in %s", said.String())
	}
}

// A server that lives for moments is waited for longer and longer; one that lived long
// and died is started again at once.
func TestDelayBetweenDeaths(t *testing.T) {
	t.Parallel()
	deaths, now := newStreak(), time.Now()
	for i, want := range []struct {
		lived, delay time.Duration
		text         string
	}{
		{time.Hour, 100 * time.Millisecond, ""},
		{time.Second, 200 * time.Millisecond, " 2 times in 1s"},
		{29 * time.Second, 400 * time.Millisecond, " 3 times in 30s"},
		{0, 800 * time.Millisecond, " 4 times in 30s"},
		{0, 1600 * time.Millisecond, " 5 times in 30s"},
		{0, 3200 * time.Millisecond, " 6 times in 30s"},
		{0, 6400 * time.Millisecond, " 7 times in 30s"},
		{0, 10 * time.Second, " 8 times in 30s"},
		{0, 10 * time.Second, " 9 times in 30s"},
		{31 * time.Second, 100 * time.Millisecond, ""},
		{0, 200 * time.Millisecond, " 2 times in 0s"},
	} {
		began := now
		now = now.Add(want.lived)
		if got := deaths.add(began, now); got != want.delay || deaths.String() != want.text {
			t.Errorf("death %d: %s and %q, want %s and %q", i+1, got, deaths.String(), want.delay, want.text)
		}
	}
}

func TestForeignProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	other := exec.Command("sleep", "600")
	must(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	c := mustDefaults(t, Config{Data: newData(t)})
	f, err := openFolder(limit(t), c)
	must(t, err)
	must(t, f.started(postgresName, other.Process.Pid))
	must(t, f.close())
	f, err = openFolder(limit(t), c)
	must(t, err)
	must(t, f.close())
	if _, alive := commandLine(other.Process.Pid); !alive {
		t.Error("a process that only has a server's old number was stopped")
	}
}
