package worker

import (
	"os"
	"time"
)

// ClockEnv is the entry in the environment of a worker process that makes its wall clock
// wrong by what a file says. While there is no such file, or nothing in it, the clock is
// right. Spans of time are measured by the monotonic clock, which stays right, as it does
// when a real clock is set.
func ClockEnv(file string) string { return clockVariable + "=" + file }

// StepClock sets the clocks of the processes that read a file wrong by so much. 0 sets them
// right.
func StepClock(file string, by time.Duration) error {
	if by == 0 {
		return os.Remove(file)
	}
	return os.WriteFile(file, []byte(by.String()), 0o600)
}

// steppedClock is a wall clock that is wrong by what its file says. Without a file name it
// is not used.
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
