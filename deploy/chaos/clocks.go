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

// clocks sets the wall clocks of worker processes wrong. A file for each process says by
// how much.
type clocks struct {
	folder string

	mu      sync.Mutex
	stepped map[string]bool // names of processes whose clocks are wrong
}

func (c *clocks) file(name string) string { return filepath.Join(c.folder, name) }

// step sets the clock of one of a stage's processes wrong for a while; a frozen process
// notices when it goes on. False says that all clocks of the stage are wrong already.
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

// claim picks a process whose clock is right and marks it. It returns its name, or "".
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

// clockSteps are by how much a clock steps. Of the steps ahead, two hours are so much that
// the broker refuses the process's messages until the clock is right again. Of the steps
// back, forty days lead into another month, by which ClickHouse's table is partitioned.
var clockSteps = [2][4]time.Duration{
	{5 * time.Second, time.Minute, 50 * time.Minute, 2 * time.Hour},
	{-5 * time.Second, -time.Minute, -50 * time.Minute, -40 * 24 * time.Hour},
}

// stepOf says of which stage a fault steps a clock, and by how much. Two of three strikes
// are at renewals, which has more processes.
func stepOf(f fault) (stage string, by time.Duration) {
	steps := clockSteps[f.Way]
	stage = [...]string{renewals.Name, renewals.Name, analytics.Name}[f.Pick%3]
	return stage, steps[f.Pick/3%len(steps)]
}
