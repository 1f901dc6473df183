package consumers

import (
	"errors"
	"fmt"
)

// ErrFlood stops a partition of which most messages would be put aside: then the
// fault is more likely ours, or a whole channel's, and the topic must not be emptied
// into quarantine for it.
var ErrFlood = errors.New("too many messages in a row cannot be read")

const (
	// floodWindow is over about how many messages the share is taken.
	floodWindow = 1000
	// floodLeast is how many messages there must be before a share means anything.
	floodLeast = 100
)

// breaker watches the share of a partition's messages that are put aside.
type breaker struct {
	limit         float64
	messages, bad float64
}

// admit says whether a batch may be applied. What it counts fades as more comes, so
// the share is that of about the last floodWindow messages.
func (b *breaker) admit(messages, bad int) error {
	all, aside := b.messages+float64(messages), b.bad+float64(bad)
	if bad > 0 && all >= floodLeast && aside/all > b.limit {
		return fmt.Errorf("%w: %.0f %% of the last %.0f; see the quarantine for their rules, mend the cause, and start again "+
			"with a higher limit if they are to be put aside", ErrFlood, 100*aside/all, all)
	}
	if all > floodWindow {
		all, aside = floodWindow, aside*floodWindow/all
	}
	b.messages, b.bad = all, aside
	return nil
}
