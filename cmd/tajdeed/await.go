package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errStandsStill says that what is awaited has not moved for as long as it may.
var errStandsStill = errors.New("it does not come about: nothing has moved")

// patience is how often something is asked for, and how long nothing may move.
type patience struct{ every, still time.Duration }

// forgiven is how long a store may fail to answer: one that is started again is back
// sooner.
const forgiven = 15 * time.Second

// await asks again and again until it is done. It ends with [errStandsStill] where the
// figure has not moved for as long as it may.
func (p patience) await(ctx context.Context, what string, ask func() (figure int64, done bool, err error)) error {
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	last, since, answered := int64(-1), time.Now(), time.Now()
	for {
		figure, done, err := ask()
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			answered = time.Now()
		case ctx.Err() != nil || time.Since(answered) > forgiven:
			return err
		}
		if err == nil && figure != last {
			last, since = figure, time.Now()
		}
		if time.Since(since) > p.still {
			return fmt.Errorf("wait for %s, at %d: %w for %s", what, figure, errStandsStill, p.still)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
