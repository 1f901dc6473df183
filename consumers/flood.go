package consumers

import (
	"errors"
	"fmt"
)

// ErrFlood stops a partition of which most messages would be quarantined: then the fault is
// more likely ours, or a whole channel's, and the topic must not be emptied into quarantine
// for it.
var ErrFlood = errors.New("too many messages in a row cannot be read")

const (
	// floodWindow is about how many of the last messages the share is taken of.
	floodWindow = 1000
	// floodLeast is how many messages there must be before the share means anything.
	floodLeast = 100
)

// breaker watches the share of a partition's messages that are quarantined.
type breaker struct {
	limit                 float64
	messages, quarantined float64
}

// check is an error if a batch of so many messages must not be applied, for so many of it
// would be quarantined. Otherwise the batch is counted. Older counts fade, so that the
// share is that of about the last floodWindow messages.
func (b *breaker) check(messages, quarantined int) error {
	all, unread := b.messages+float64(messages), b.quarantined+float64(quarantined)
	if quarantined > 0 && all >= floodLeast && unread/all > b.limit {
		return fmt.Errorf("%w: %.0f %% of the last %.0f; see the quarantine for their rules, mend the cause, and start again "+
			"with a higher limit if they are to be quarantined", ErrFlood, 100*unread/all, all)
	}
	if all > floodWindow {
		all, unread = floodWindow, unread*floodWindow/all
	}
	b.messages, b.quarantined = all, unread
	return nil
}
