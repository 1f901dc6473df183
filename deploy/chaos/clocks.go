package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
)

// clocks are those of the worker processes: a file for each says by how much its wall
// clock is wrong.
type clocks struct {
	folder string

	mu      sync.Mutex
	stepped map[string]bool // the names of processes whose clocks are wrong
}

func (c *clocks) file(name string) string { return filepath.Join(c.folder, name) }

// step sets the clock of one process wrong for a while. One that is frozen finds it so
// when it goes on. It returns false where all clocks of the stage are wrong already.
func (c *clocks) step(ctx context.Context, workers *local.Workers, stage string, pick int, by, d time.Duration) (bool, error) {
	name := c.claim(workers, stage, pick)
	if name == "" {
		return false, nil
	}
	defer c.release(name)
	if err := worker.StepClock(c.file(name), by); err != nil {
		return false, fmt.Errorf("step the clock of %s: %w", name, err)
	}
	local.Pause(ctx, d)
	if err := worker.StepClock(c.file(name), 0); err != nil {
		return true, fmt.Errorf("set the clock of %s right: %w", name, err)
	}
	return true, nil
}

// claim picks a process whose clock is right.
func (c *clocks) claim(workers *local.Workers, stage string, pick int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := workers.Pick(stage, pick, func(p *local.Worker) bool { return !c.stepped[p.Name()] })
	if p == nil {
		return ""
	}
	if c.stepped == nil {
		c.stepped = map[string]bool{}
	}
	c.stepped[p.Name()] = true
	return p.Name()
}

func (c *clocks) release(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.stepped, name)
}

// clockSteps are the steps of a clock: forward, the last so far that the broker refuses
// its messages until it is right again; and back, the last into another month, by which
// ClickHouse's table is cut.
var clockSteps = [2][4]time.Duration{
	{5 * time.Second, time.Minute, 50 * time.Minute, 2 * time.Hour},
	{-5 * time.Second, -time.Minute, -50 * time.Minute, -40 * 24 * time.Hour},
}

// stepOf says whose clock a fault steps, and by how much. Two of three strikes are at
// renewals, of which there are more processes.
func stepOf(f fault) (stage string, by time.Duration) {
	steps := clockSteps[f.Way]
	stage = [...]string{renewals.Name, renewals.Name, analytics.Name}[f.Pick%3]
	return stage, steps[f.Pick/3%len(steps)]
}
