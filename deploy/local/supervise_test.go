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
		command: func() *exec.Cmd { return exec.Command("/bin/sh", "-c", script) },
		tidy:    func() error { return os.RemoveAll(up) },
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
