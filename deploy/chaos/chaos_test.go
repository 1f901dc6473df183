package chaos

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
)

func TestMain(m *testing.M) {
	if local.ChildMain(os.Args) || worker.Main(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// One round of three kinds of fault, on servers of its own.
func TestChaosRound(t *testing.T) {
	t.Parallel()
	result, err := Run(t.Context(), Config{Seed: 1, Rounds: 1, Rate: 250, Only: []string{"kill-worker", "kill-sink", "clock-step", "add-channel"}, Progress: func(since time.Duration, step string) {
		t.Logf("%6.1fs %s", since.Seconds(), step)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !result.OK || result.Messages == 0 || result.Faults[string(killRenewals)] == 0 || result.Faults[string(killAnalytics)] == 0 || result.Faults[string(clockStep)] == 0 || result.Channels == len(channels()) {
		t.Errorf("the run ended with %+v", result)
	}
	if result.Stopped == 0 {
		t.Error("garbage stopped no partition, so nothing was shown to go on beside one")
	}
	if _, err := os.Stat(result.Kept); result.Kept != "" || err == nil {
		t.Errorf("all was well, and the folder %q is kept", result.Kept)
	}
	if text := result.Text(); !strings.Contains(text, "kill-worker") || !strings.Contains(text, "lost                        0") {
		t.Errorf("the report:\n%s", text)
	}
}

func TestSameSeedSamePlan(t *testing.T) {
	t.Parallel()
	plan := func(seed uint64) string {
		t.Helper()
		var out strings.Builder
		if err := WritePlan(&out, Config{Seed: seed, Rounds: 2, Rate: 250}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if first := plan(1); first != plan(1) || first == plan(2) || strings.Count(first, "round ") != 2 {
		t.Errorf("the plan does not depend on the seed alone:\n%s", first)
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"no rate": {}, "kind": {Rate: 1, Only: []string{"earthquake"}}, "rounds": {Rate: 1, Rounds: -1}, "limit": {Rate: 1, Limit: -time.Minute},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	if err := (Config{Rate: 1, Only: Kinds()}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryStepStrikesBothStages(t *testing.T) {
	t.Parallel()
	type strike struct {
		stage string
		by    time.Duration
	}
	var seen []strike
	for _, f := range rounds(1, []faultKind{clockStep}, 50) {
		stage, by := stepOf(f)
		seen = append(seen, strike{stage, by})
	}
	for _, stage := range []string{renewals.Name, analytics.Name} {
		for _, steps := range clockSteps {
			for _, by := range steps {
				if !slices.Contains(seen, strike{stage, by}) {
					t.Errorf("in 50 rounds no clock of %s steps by %s", stage, by)
				}
			}
		}
	}
}
