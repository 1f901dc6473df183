package simulate

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"tajdeed/schema"
)

// Two topics have no order between them, so what is expected may not depend on one.
func TestEverybodyUsesOneChannel(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 30, Residents: 1_000, Duplicates: 0.1, Conflicts: 0.1, Unreadable: 0.1})
	of := map[schema.CivilID]schema.Channel{}
	for _, m := range nextN(t, s, 8_000) {
		if m.Expect.Readable() {
			if before, ok := of[m.Expect.CivilID]; ok && before != m.Channel {
				t.Fatalf("a resident uses %s and %s", before, m.Channel)
			}
			of[m.Expect.CivilID] = m.Channel
		}
	}
}

func TestChannelsAreThoseConfigured(t *testing.T) {
	t.Parallel()
	for name, channels := range map[string][]schema.Channel{
		"the default":        nil,
		"one":                {"counter"},
		"some":               {"company_portal", "mobile_app"},
		"one of some people": {"government_portal"},
		"others too":         {"counter", "agent_17", "airport"},
		"others only":        {"agent_17", "airport"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSimulation(t, Config{Seed: 31, Residents: 2_000, Channels: channels})
			seen := map[schema.Channel]ChannelCounts{}
			for _, m := range nextN(t, s, 3_000) {
				c := seen[m.Channel]
				c.Messages++
				if !m.Expect.Readable() {
					c.Unreadable++
				}
				seen[m.Channel] = c
				if got, want := m.Kafka(ours).Topic, ours.Submissions(m.Channel); got != want {
					t.Fatalf("a message of %s goes to %s", m.Channel, got)
				}
			}
			if channels == nil {
				channels = schema.DefaultChannels()
			}
			if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, slices.Sorted(slices.Values(channels))) {
				t.Errorf("channels used: %v, want %v", got, channels)
			}
			if counts := s.Manifest().Counts.Channels; !maps.Equal(counts, seen) {
				t.Errorf("counted %v, want %v", counts, seen)
			}
		})
	}
}

// Where it is asked for, what repeats an application comes by another channel, and says the
// same: the content has no channel.
func TestRepeatsByAnotherChannel(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 32, Residents: 2_000, Duplicates: 0.1, Conflicts: 0.1, Elsewhere: 0.5})
	type first struct {
		by     schema.Channel
		digest [32]byte
	}
	firsts, repeats, elsewhere := map[uuid.UUID]first{}, 0, 0
	for _, m := range nextN(t, s, 5_000) {
		if !m.Expect.Readable() {
			continue
		}
		a, err := schema.ReadApplication(m.Key, m.Value, m.Headers)
		if err != nil {
			t.Fatal(err)
		}
		e, err := schema.ReadEnvelope(m.Headers)
		if err != nil || e.Source != "/channels/"+string(m.Channel) {
			t.Fatalf("a message of %s comes from %s: %v", m.Channel, e.Source, err)
		}
		if m.Expect.Disposition == schema.DispositionFirst {
			firsts[a.ID] = first{m.Channel, a.Digest()}
			continue
		}
		repeats++
		before := firsts[a.ID]
		if before.by != m.Channel {
			elsewhere++
		}
		if same := before.digest == a.Digest(); same != (m.Expect.Disposition == schema.DispositionResend) {
			t.Errorf("%s that says the same: %t", m.Expect.Disposition, same)
		}
	}
	near(t, "by another channel", float64(elsewhere)/float64(repeats), 0.5, 0.08)
}

// What is paid is paid before the submission, but for those who get that wrong.
func TestFeesArePaidBeforeTheSubmission(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 33, Residents: 10_000, Rejected: 0.3})
	late := 0
	for _, m := range nextN(t, s, 15_000) {
		if m.Expect.Disposition != schema.DispositionFirst {
			continue
		}
		a, err := schema.ReadApplication(m.Key, m.Value, m.Headers)
		if err != nil {
			t.Fatal(err)
		}
		isLate := a.Fee.Stated() && a.Fee.PaidAt.After(a.SubmittedAt)
		if isLate != m.Expect.Reasons.Has(schema.ReasonFeePaidAfterSubmission) {
			t.Fatalf("paid %s, submitted %s, expected for %v", a.Fee.PaidAt, a.SubmittedAt, m.Expect.Reasons.Codes())
		}
		if isLate {
			late++
		}
	}
	if late < 50 || late > 300 {
		t.Errorf("%d of 15,000 are paid after the submission", late)
	}
}

// Nothing of the register is told to who names neither passport nor sponsor: no reason that
// needs it, no price and no expiry.
func TestStrangersAreToldNothing(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 34, Residents: 20_000, Rejected: 0.4})
	registered := map[schema.CivilID]bool{}
	for residency := range s.residencies() {
		registered[residency.CivilID] = true
	}
	allowed := only(schema.ReasonIdentityMismatch) | only(schema.ReasonFeeMissing) |
		only(schema.ReasonInsuranceMissing) | only(schema.ReasonFeePaidAfterSubmission)
	unknown, known, more := 0, 0, 0
	for _, m := range nextN(t, s, 20_000) {
		e := &m.Expect
		if e.Reasons.Has(schema.ReasonSponsorMismatch) && e.Reasons.Has(schema.ReasonPassportMismatch) {
			t.Fatalf("both are wrong, and told apart: %v", e.Reasons.Codes())
		}
		if !e.Reasons.Has(schema.ReasonIdentityMismatch) {
			continue
		}
		if e.Reasons&^allowed != 0 || e.FeeDue != 0 || e.OldExpiry != 0 || e.NewExpiry != 0 {
			t.Fatalf("a stranger is told %+v", e)
		}
		switch {
		case !registered[e.CivilID]:
			unknown++
		default:
			known++
		}
		if e.Reasons.Len() > 1 {
			more++
		}
	}
	if unknown < 100 || known < 30 || more < 10 {
		t.Errorf("%d of unknown and %d of known residents, %d with more reasons", unknown, known, more)
	}
}
