package local

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrStandsStill says that what is awaited has not moved for as long as it may.
var ErrStandsStill = errors.New("nothing has moved")

// Patience is how [Patience.Await] waits.
type Patience struct {
	// Every is how often it asks, and so how late it may see that all is done.
	Every time.Duration
	// Still is how long the figure may stay the same.
	Still time.Duration
	// Away is how long every answer may be an error: a store that is started again is
	// back sooner. 0 is 15 s.
	Away time.Duration
}

const defaultAway = 15 * time.Second

// Await asks again and again until the answer is done. The figure is what moves while
// all is well: rows, offsets. It returns an error with [ErrStandsStill] in it when the
// figure has not moved for too long, the last answer's error when there have been only
// errors for too long, and when ctx ends its error or that of the last answer.
func (p Patience) Await(ctx context.Context, what string, ask func() (figure int64, done bool, err error)) error {
	away := p.Away
	if away == 0 {
		away = defaultAway
	}
	ticker := time.NewTicker(p.Every)
	defer ticker.Stop()
	last, moved, answered := int64(-1), time.Now(), time.Now()
	for {
		figure, done, err := ask()
		now := time.Now()
		if err == nil {
			answered = now
		}
		if err == nil && figure != last {
			last, moved = figure, now
		}
		switch {
		case err == nil && done:
			return nil
		case err != nil && (ctx.Err() != nil || now.Sub(answered) > away):
			return fmt.Errorf("wait for %s: %w", what, err)
		case err == nil && now.Sub(moved) > p.Still:
			return fmt.Errorf("wait for %s, at %d: %w for %s", what, figure, ErrStandsStill, p.Still)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Pause waits, and tells whether it waited to the end: false says that ctx has ended.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
