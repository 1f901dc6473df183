package worker

import (
	"os"
	"time"
)

// ClockEnv is what a process must find in its environment for its wall clock to be wrong
// by as much as a file says. A file that is not there, or not yet written, says nothing.
// What a stage measures goes by the monotonic clock, which no step of a real clock moves
// either.
func ClockEnv(file string) string { return clockVariable + "=" + file }

// StepClock has the clocks that a file is for be wrong by so much; 0 sets them right.
func StepClock(file string, by time.Duration) error {
	if by == 0 {
		return os.Remove(file)
	}
	return os.WriteFile(file, []byte(by.String()), 0o600)
}

// steppedClock is a wall clock that is wrong by what its file says.
type steppedClock struct{ file string }

func (c steppedClock) now() time.Time { return time.Now().Add(c.step()) }

func (c steppedClock) step() time.Duration {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return 0
	}
	by, _ := time.ParseDuration(string(text))
	return by
}
