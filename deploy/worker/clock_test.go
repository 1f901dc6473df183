package worker

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tajdeed/consumers/renewals"
)

// clockWith is a clock whose file has a text in it.
func clockWith(t *testing.T, text string) steppedClock {
	t.Helper()
	clock := steppedClock{file: filepath.Join(t.TempDir(), "clock")}
	if err := os.WriteFile(clock.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return clock
}

func TestClockIsWrongAsItsFileSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"50m0s": 50 * time.Minute, "-960h0m0s": -960 * time.Hour, "": 0, "soon": 0} {
		clock := clockWith(t, text)
		if off := clock.now().Round(0).Sub(time.Now().Round(0)) - want; off.Abs() > time.Minute {
			t.Errorf("the file says %q, the clock is wrong by %s more", text, off)
		}
	}
	clock := clockWith(t, "1h")
	if err := StepClock(clock.file, 0); err != nil {
		t.Fatal(err)
	}
	if by := clock.step(); by != 0 {
		t.Errorf("without its file the clock is wrong by %s", by)
	}
	if err := StepClock(clock.file, -40*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if by := clock.step(); by != -40*24*time.Hour {
		t.Errorf("after a step of forty days the clock is wrong by %s", by)
	}
}

// A process whose clock is not to be stepped reads the clock of the machine.
func TestMachineClockIsNotAsked(t *testing.T) {
	t.Parallel()
	var i Installation
	if c := i.config("renewals", renewals.DefaultConfig(), steppedClock{}); c.Engine.Now != nil {
		t.Error("the time of the machine's clock is read through a file")
	}
	if c := i.config("renewals", renewals.DefaultConfig(), clockWith(t, "2h")); c.Engine.Now == nil || time.Until(c.Engine.Now()) < time.Hour {
		t.Error("a stepped clock does not reach the engine")
	}
}
