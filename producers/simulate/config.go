package simulate

import (
	"errors"
	"fmt"
	"slices"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// Config says what is simulated. The zero value of a field means its default.
type Config struct {
	// Seed chooses the population and its year. The same configuration gives the
	// same messages, byte for byte.
	Seed uint64
	// Residents is the size of the population. Each applies about once in a year
	// of the simulation, so it is also about a year's messages. Default [DefaultResidents].
	Residents int
	// Start is the first day of the simulation. Default 2025-12-01, three weeks before
	// the rules changed: a year that begins there is decided by both policies, and
	// some reasons exist under the first one only.
	Start schema.Date

	// Rejected is about the share of first applications that are rejected. Here
	// and below, a negative number means none. Default 0.08.
	Rejected float64
	// Duplicates is the share of messages that repeat an earlier one. Default 0.01.
	Duplicates float64
	// Conflicts is the share of messages that use an earlier application's id for
	// another. Default 0.003.
	Conflicts float64
	// Reused is the share of messages that are an application's receipt once more: the same
	// application under another id, after it was approved. Default 0.002.
	Reused float64
	// Unreadable is the share of messages that break the contract. Default 0.002.
	Unreadable float64
	// OneSponsor is the share of residents who all work for one company, which has
	// nobody else. Default none.
	OneSponsor float64

	// Policies are those by which applications are right or wrong. Default those built into the
	// program.
	Policies *policy.Set

	// Channels are those that applications come by. Default [schema.DefaultChannels].
	Channels []schema.Channel
	// Elsewhere is the share of the resends and conflicts that come by another channel
	// than what they repeat. Default none: two topics have no order between them, so the
	// manifest then holds only where each message is decided before the next is published.
	Elsewhere float64

	// Record keeps what is expected of every application for the manifest, in about
	// 120 bytes each. Without it the manifest has counts only.
	Record bool
}

// The population of the programs where none is asked for.
const (
	DefaultSeed      = 1
	DefaultResidents = 50_000
)

// The limits of a population. The serial of a Civil ID has four digits, so the birth
// dates bound how many residents there can be.
const (
	minResidents = 100
	maxResidents = 5_000_000
)

// lastStart is more than a century before the messages' calendar ends.
var lastStart = schema.NewDate(2050, 1, 1)

// Validate returns what is wrong with the configuration; nil where nothing is.
func (c Config) Validate() error {
	if _, err := policy.Embedded(); err != nil && c.Policies == nil {
		return err
	}
	c = c.withDefaults()
	_, inForce := c.Policies.On(c.Start)
	switch {
	case c.Residents < minResidents || c.Residents > maxResidents:
		return fmt.Errorf("%d residents: %d to %d can be simulated", c.Residents, minResidents, maxResidents)
	case !inForce:
		return fmt.Errorf("no policy is known for %s, the first day of the simulation", c.Start)
	case c.Start > lastStart:
		return fmt.Errorf("the simulation must start before %s", lastStart)
	case c.Rejected > 0.5:
		return errors.New("a share of more than 0.5 rejected is no simulation of people")
	case c.Elsewhere < 0 || c.Elsewhere > 1:
		return errors.New("a share of 0 to 1 of the resends and conflicts can come by another channel")
	case c.OneSponsor < 0 || c.OneSponsor > 1:
		return errors.New("one sponsor can have a share of 0 to 1 of the residents")
	case c.Duplicates+c.Conflicts+c.Reused+c.Unreadable > 0.5:
		return errors.New("duplicates, conflicts, reused receipts and unreadable messages are together more than half")
	}
	return checkChannels(c.Channels)
}

func checkChannels(all []schema.Channel) error {
	for i, channel := range all {
		if _, err := schema.ParseChannel(string(channel)); err != nil {
			return fmt.Errorf("channel %d: %w", i+1, err)
		}
		if slices.Contains(all[:i], channel) {
			return fmt.Errorf("the channel %s is named twice", channel)
		}
	}
	return nil
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	setDefault(&c.Residents, DefaultResidents)
	if len(c.Channels) == 0 {
		c.Channels = schema.DefaultChannels()
	}
	if c.Policies == nil {
		c.Policies, _ = policy.Embedded() // Validate returns the error
	}
	setDefault(&c.Start, schema.NewDate(2025, 12, 1))
	for share, value := range map[*float64]float64{
		&c.Rejected: 0.08, &c.Duplicates: 0.01, &c.Conflicts: 0.003, &c.Reused: 0.002, &c.Unreadable: 0.002,
	} {
		setDefault(share, value)
		*share = max(*share, 0)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
