package simulate

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tajdeed/schema"
	"tajdeed/schema/extract"
)

func TestExtractHoldsTheRegister(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 11, Residents: 5_000})
	dir := filepath.Join(t.TempDir(), "extract")
	if err := s.WriteExtract(dir); err != nil {
		t.Fatal(err)
	}
	e, err := extract.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	census, err := e.Check(t.Context(), func(_ *extract.Record, wrong *extract.LineError) error { return wrong })
	if err != nil {
		t.Fatal(err)
	}
	residencies := 0
	for range s.residencies() {
		residencies++
	}
	if int(census.Sponsors) != len(s.population.sponsors) || census.Residents != 5_000 || int(census.Residencies) != residencies {
		t.Errorf("the extract holds %+v", census)
	}
	if residencies == 5_000 {
		t.Error("nobody is without a residency")
	}
}

func TestExtractIsOfGoLiveOnly(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Residents: 200})
	nextN(t, s, 1)
	if err := s.WriteExtract(t.TempDir()); !errors.Is(err, errBegun) {
		t.Errorf("after the first message: %v", err)
	}
}

func TestPeopleAndSponsors(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 12, Residents: 45_000})
	seen := map[schema.CivilID]bool{}
	staff := map[uint32]int{}
	for _, r := range s.population.residents {
		if r.civilID.Check() != nil || seen[r.civilID] {
			t.Fatalf("Civil ID %d: %v, given out before: %t", uint64(r.civilID), r.civilID.Check(), seen[r.civilID])
		}
		seen[r.civilID] = true
		if birth, _ := r.civilID.BirthDate(); r.article == 18 && birth > s.config.Start.AddDays(-18*daysPerYear) {
			t.Errorf("a worker born on %s", birth)
		}
		if r.article == 18 {
			staff[r.sponsor]++
		}
	}
	largest, small := 0, 0
	for _, n := range staff {
		largest = max(largest, n)
		if n <= 5 {
			small++
		}
	}
	if companies := 1_600; len(staff) > companies || largest < 500 || small < len(staff)/3 {
		t.Errorf("%d companies with staff, the largest has %d, %d have up to 5", len(staff), largest, small)
	}
}

func TestManifestIsWrittenAsJSON(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 13, Residents: 1_000, Record: true})
	nextN(t, s, 1_500)
	m := s.Manifest()
	path := filepath.Join(t.TempDir(), "manifest.json")
	if err := m.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Summary struct {
			Messages  int
			Answers   int
			Channels  map[schema.Channel]struct{ Messages, Answers, Unreadable int }
			Decisions map[string]map[string]int
		}
		Applications []struct{ Outcome string }
		Register     []struct{ CivilID string }
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if read.Summary.Messages != 1_500 || len(read.Applications) != m.Counts.First() || len(read.Register) != len(m.Register) {
		t.Errorf("read back: %d messages, %d applications, %d residencies", read.Summary.Messages, len(read.Applications), len(read.Register))
	}
	if read.Summary.Answers != 1_500 || len(read.Summary.Channels) != len(m.Counts.Channels) {
		t.Errorf("read back: %d answers, channels %v", read.Summary.Answers, read.Summary.Channels)
	}
	for channel, want := range m.Counts.Channels {
		if got := read.Summary.Channels[channel]; got.Messages != want.Messages || got.Answers != want.Messages || got.Unreadable != want.Unreadable {
			t.Errorf("%s read back: %+v, want %+v", channel, got, want)
		}
	}
	if got := read.Summary.Decisions["resend"]["approved"]; got != m.Counts.Decisions(schema.DispositionResend, schema.OutcomeApproved) {
		t.Errorf("%d resends approved", got)
	}
}

// One company has the share of the residents that is configured, and their applications
// are as often right as all others.
func TestOneSponsor(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 3, Residents: 5_000, OneSponsor: 0.5})
	of, most := map[schema.SponsorID]int{}, 0
	for residency := range s.residencies() {
		of[residency.SponsorID]++
		most = max(most, of[residency.SponsorID])
	}
	if most < 2_300 || most > 2_600 {
		t.Errorf("the largest sponsor has %d of 5,000 residents", most)
	}
	approved := 0
	for _, m := range nextN(t, s, 1_000) {
		if m.Expect.Outcome == schema.OutcomeApproved {
			approved++
		}
	}
	if approved < 850 {
		t.Errorf("%d of 1,000 are to be approved", approved)
	}
	if err := (Config{OneSponsor: 1.1}).Validate(); err == nil {
		t.Error("a share of more than all is allowed")
	}
}
