package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
)

// stepped is a clock that a file says to be wrong by so much.
func stepped(t *testing.T, by string) wallClock {
	t.Helper()
	clock := wallClock{file: filepath.Join(t.TempDir(), "clock")}
	if err := os.WriteFile(clock.file, []byte(by), 0o600); err != nil {
		t.Fatal(err)
	}
	return clock
}

func TestClockIsWrongAsItsFileSays(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]time.Duration{"50m0s": 50 * time.Minute, "-960h0m0s": -960 * time.Hour, "": 0, "soon": 0} {
		clock := stepped(t, said)
		if off := clock.now().Round(0).Sub(time.Now().Round(0)) - want; off.Abs() > time.Minute {
			t.Errorf("the file says %q, the clock is wrong by %s more", said, off)
		}
	}
	clock := stepped(t, "1h")
	if err := os.Remove(clock.file); err != nil {
		t.Fatal(err)
	}
	if by := clock.step(); by != 0 {
		t.Errorf("without its file the clock is wrong by %s", by)
	}
}

// recorder is a publisher that remembers what it was told.
type recorder struct{ messages []kafka.Message }

func (r *recorder) PublishPlaced(_ context.Context, _ string, messages []kafka.Message) error {
	r.messages = messages
	return nil
}

// A step of the clock changes the times of messages. The caller's messages stay as they
// are, since it may publish them again.
func TestStepReachesWhatReadsTheClock(t *testing.T) {
	t.Parallel()
	clock, told := stepped(t, "2h"), new(recorder)
	messages := make([]kafka.Message, 2)
	if err := clock.publisher(told).PublishPlaced(t.Context(), "topic", messages); err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(told.messages[1].Time); ahead < time.Hour || !messages[1].Time.IsZero() {
		t.Errorf("a message is %s ahead, want 2h; the caller's is of %s", ahead, messages[1].Time)
	}
}

// Nobody stands between a stage and its stores where chaos has no say.
func TestMachineClockChangesNothing(t *testing.T) {
	t.Parallel()
	var clock wallClock
	told := new(recorder)
	if clock.publisher(told) != consumers.Publisher(told) || clock.step() != 0 {
		t.Error("the machine's clock is stepped")
	}
}

func TestEveryStepStrikesBothRoles(t *testing.T) {
	t.Parallel()
	type strike struct {
		role string
		by   time.Duration
	}
	seen := map[strike]bool{}
	for _, f := range rounds(1, []faultKind{clockStep}, 50) {
		role, by := stepOf(f)
		seen[strike{role, by}] = true
	}
	for _, role := range []string{roleWorker, roleSink} {
		for _, steps := range clockSteps {
			for _, by := range steps {
				if !seen[strike{role, by}] {
					t.Errorf("in 50 rounds no clock of %s steps by %s", role, by)
				}
			}
		}
	}
}
