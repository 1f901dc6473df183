package simulate

import (
	"slices"

	"tajdeed/schema"
)

// Manifest is what is expected when the messages that were returned so far have been
// processed, each once and in order.
type Manifest struct {
	Seed      uint64
	Residents int
	Start     schema.Date
	Counts    Counts
	// Applications are the expectations of every application that was sent for the
	// first time, in the stream's order; empty without [Config.Record].
	Applications []Expectation
	// Register is every residency as it should stand now.
	Register []schema.Residency
}

// Counts are sums over the expectations. Every message is answered once, so Messages is
// also how many answers are expected, in all and of each channel. By disposition, article and reason it counts
// decisions, one for each readable message, so a resend counts again.
type Counts struct {
	Messages   int
	Unreadable int
	Channels   map[schema.Channel]ChannelCounts

	Dispositions map[schema.Disposition]map[schema.Outcome]int
	Articles     map[schema.Article]map[schema.Outcome]int
	Reasons      map[schema.Reason]int
	Rules        map[schema.Rule]int // of the unreadable
}

// ChannelCounts are the sums over one channel's messages.
type ChannelCounts struct{ Messages, Unreadable int }

// Decisions returns the number of decisions with a disposition and an outcome.
func (c *Counts) Decisions(d schema.Disposition, o schema.Outcome) int { return c.Dispositions[d][o] }

// First returns the number of first decisions.
func (c *Counts) First() int { return sum(c.Dispositions[schema.DispositionFirst]) }

// Resends returns the number of decisions that repeat a first one.
func (c *Counts) Resends() int { return sum(c.Dispositions[schema.DispositionResend]) }

// Conflicts returns the number of decisions on applications under a taken id.
func (c *Counts) Conflicts() int { return sum(c.Dispositions[schema.DispositionConflict]) }

func sum[K comparable](counts map[K]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func newManifest(s *Simulation) *Manifest {
	m := &Manifest{
		Seed: s.config.Seed, Residents: s.config.Residents, Start: s.config.Start,
		Counts:       s.tally.counts(),
		Applications: slices.Clip(s.tally.applications),
	}
	for residency := range s.residencies() {
		m.Register = append(m.Register, residency)
	}
	return m
}
