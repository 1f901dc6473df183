// Package simulate makes a population with residencies to renew and the stream of its
// applications: most of them right, some wrong in the ways in which people and channels
// get them wrong, some sent twice, a few unreadable. The same seed gives the same people
// and the same messages. A [Feed] publishes them.
//
// It knows what is expected of each message, because it makes every application right
// and then puts its flaws in on purpose. The expectations use no code of the consumers
// that they are compared with. Making messages reads no clock: the simulation's time is
// virtual and begins on the configured day. The commands that simulate, run, measure or
// break an installation use it, and so do the tests.
//
// The rules and figures that it cites, such as S4 or R-CHILD-1, are explained in
// schema/policy/SOURCES.md. A weight that is called assumed there or here has no source.
package simulate

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
)

// Message is one message of the stream, for its channel's topic of submissions. Its bytes
// are the caller's: nothing here uses them again.
type Message struct {
	Channel schema.Channel
	Key     []byte
	Value   []byte
	Headers []schema.Header
	// At is when it is sent, in the simulation's time. Messages come in this order.
	At     time.Time
	Expect Expectation
}

// Expectation is what is expected to become of a message.
type Expectation struct {
	// Disposition is empty for a message that cannot be read; then only Rule is given.
	Disposition   schema.Disposition
	Rule          schema.Rule // what an unreadable message breaks
	ApplicationID uuid.UUID
	CivilID       schema.CivilID
	Article       schema.Article // as the application states it
	Outcome       schema.Outcome
	Reasons       schema.Reasons
	// The rest is given where Disposition is first or resend. What the register says is
	// not told to who names neither the resident's passport nor the sponsor: FeeDue and
	// OldExpiry are 0 then.
	Policy    string
	FeeDue    schema.Fils
	FineDue   schema.Fils // of a late renewal, beside the fee
	OldExpiry schema.Date // 0 where no residency is known, too
	NewExpiry schema.Date // 0 where rejected
}

// Readable says whether the message is one that the contract allows.
func (e *Expectation) Readable() bool { return e.Disposition != "" }

// Simulation is a population and its calendar. One goroutine uses it.
type Simulation struct {
	config Config
	rng    *rand.Rand
	rates  rates

	channels   channels
	population population
	agenda     agenda
	later      followUps
	buffers    buffers
	tally      tally
	issued     uint64 // applications made, for receipts and policies
}

// New makes the population. It takes about a second for 500,000 residents.
func New(config Config) (*Simulation, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	config = config.withDefaults()
	s := &Simulation{
		config: config,
		rng:    rand.New(rand.NewPCG(config.Seed, 0x7461_6a64_6565_6421)),
		rates:  newRates(config),
		tally:  newTally(config),

		channels: newChannels(config.Channels),
	}
	s.populate()
	return s, nil
}

// Next returns the next message. Every resident applies again when the renewed
// residency nears its end, so the stream goes on for as long as anybody applies, at
// most until the virtual calendar ends after more than a century; then Next returns
// false. The mix stays the same, while the population loses about one in a hundred in
// a year, since nobody is born or arrives.
func (s *Simulation) Next() (Message, bool) {
	m, ok := s.next()
	if ok {
		s.tally.add(&m)
	}
	return m, ok
}

// next returns what comes first: a planned application, or a message that follows an
// earlier one.
func (s *Simulation) next() (Message, bool) {
	for {
		planned, ok := s.agenda.next()
		if s.later.before(planned, ok) {
			return s.later.pop(), true
		}
		if ok {
			return s.submit(s.agenda.pop()), true
		}
		if !s.openDay() {
			return Message{}, false
		}
	}
}

// openDay begins the next day on which anybody applies, and draws the times of day.
func (s *Simulation) openDay() bool {
	if !s.agenda.advance() {
		return false
	}
	for i := range s.agenda.today {
		s.agenda.today[i] |= uint64(s.timeOfDay(s.agenda.day)) << 32
	}
	s.agenda.sort()
	return true
}

// submit makes a resident's application, and plans the resident's next one and what
// follows this message.
func (s *Simulation) submit(resident int, at time.Time) Message {
	application, channel, expect := s.apply(resident, at)
	message := s.message(&application, channel, expect, at)
	s.planNext(resident, schema.DateOf(at), &expect)
	s.addFollowUps(resident, &application, &message, at)
	return message
}

// Manifest returns what is expected when every message that Next has returned has been
// processed.
func (s *Simulation) Manifest() *Manifest { return newManifest(s) }
