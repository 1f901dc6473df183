package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tajdeed/dashboards/installationtest"
	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
	"tajdeed/deploy/local/localtest"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

func TestMain(m *testing.M) {
	if local.ChildMain(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// Each run on a data folder goes on with its population where the one before stopped, and
// everything that a run publishes is counted.
func TestRunsOnOneDataFolder(t *testing.T) {
	t.Parallel()
	c := Config{
		Servers: local.Config{Data: localtest.Folder(t), Broker: local.BrokerKfake}, Partitions: 3,
		Residents: 1000, Applications: 300,
	}
	once(t, c)
	runForever(t, c)
	c.Residents, c.Applications = 0, 200 // the folder has the population
	once(t, c)

	seed := uint64(simulate.DefaultSeed + 1)
	c.Seed = &seed
	if _, err := Once(t.Context(), c); !errors.Is(err, ErrOtherPopulation) {
		t.Errorf("another seed: %v, want %v", err, ErrOtherPopulation)
	}
}

// once checks that a run balances. If it published again what an earlier one published,
// most messages would be duplicates.
func once(t *testing.T, c Config) {
	t.Helper()
	var bars []string
	c.Bar = func(total int64, what string, _ bool) (func(int), func()) {
		return func(n int) { total -= int64(n) }, func() { bars = append(bars, fmt.Sprintf("%s: %d left", what, total)) }
	}
	report, err := Once(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Result
	if !r.Balanced || !report.Books.Balanced || r.Published != c.Applications || r.Consumed != r.Published || r.announced != r.Published {
		t.Errorf("%d applications: %+v", c.Applications, r)
	}
	if r.Approved < c.Applications*8/10 || r.decided()+r.Quarantined != r.Published || r.ClickHouseRows != r.decided() {
		t.Errorf("%d applications became %+v", c.Applications, r)
	}
	if r.Answers < r.Published || len(r.Channels) != len(schema.DefaultChannels()) {
		t.Errorf("%d answers to %d applications in %d channels", r.Answers, r.Published, len(r.Channels))
	}
	if r.Seconds <= 0 || r.PerSecond <= 0 || r.LatencyMS.P99 < r.LatencyMS.P50 || r.LatencyMS.P50 <= 0 {
		t.Errorf("its times are %+v", r)
	}
	if text := report.Text(); !strings.Contains(text, "balanced: every message") || !strings.Contains(text, "every decision published before is in") {
		t.Errorf("the report:\n%s", text)
	}
	if !slices.Contains(bars, "publishing applications: 0 left") {
		t.Errorf("the progress bars: %q", bars)
	}
}

// runForever stops a run when its pages say that it has consumed messages.
func runForever(t *testing.T, c Config) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Listen, c.Rate = listener.Addr().String(), 500
	_ = listener.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- Forever(ctx, c) }()
	installationtest.Eventually(t, func() error {
		n, err := consumed("http://" + c.Listen + "/metrics")
		if err == nil && n < 100 {
			err = fmt.Errorf("%g messages are consumed", n)
		}
		return err
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("a run that was told to stop ended with %v", err)
	}
}

func consumed(page string) (float64, error) {
	response, err := http.Get(page)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "tajdeed_renewals_messages_total "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, lines.Err()
}

// The books know nothing of a message that never reached its topic.
func TestBalanced(t *testing.T) {
	t.Parallel()
	unanswered := Result{Published: 10, Consumed: 10, Answers: 9}
	if unanswered.setBalanced(&verify.Books{Balanced: true, Complete: true}); unanswered.Balanced {
		t.Error("a message without an answer is balanced")
	}
	for name, test := range map[string]struct {
		books    verify.Books
		consumed int64
		want     bool
	}{
		"all is there":       {verify.Books{Balanced: true, Complete: true}, 10, true},
		"more than this run": {verify.Books{Balanced: true, Complete: true}, 11, true},
		"one is missing":     {verify.Books{Balanced: true, Complete: true}, 9, false},
		"still under way":    {verify.Books{Balanced: true}, 10, false},
		"books":              {verify.Books{Complete: true}, 10, false},
	} {
		r := Result{Published: 10, Consumed: test.consumed, Answers: 11}
		if r.setBalanced(&test.books); r.Balanced != test.want {
			t.Errorf("%s: balanced is %t", name, r.Balanced)
		}
		if not := strings.Contains(r.text(), "NOT BALANCED"); not == test.want {
			t.Errorf("%s: the report:\n%s", name, r.text())
		}
	}
}

func TestResultJSON(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := (&Result{Published: 3, announced: 3}).WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"answers", "approved", "balanced", "channels", "clickhouse_rows", "conflicts", "consumed", "duplicates", "latency_ms", "per_second", "published",
		"quarantined", "rejected", "seconds",
	}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want) || got["published"] != 3.0 {
		t.Errorf("%s\nhas the keys %v, want %v", out.String(), keys, want)
	}
}

func TestPopulation(t *testing.T) {
	t.Parallel()
	one, two := uint64(1), uint64(2)
	for name, test := range map[string]struct {
		config Config
		want   progress
	}{
		"nothing is asked for": {Config{}, progress{Seed: simulate.DefaultSeed, Residents: simulate.DefaultResidents}},
		"many applications":    {Config{Applications: 90_000}, progress{Seed: simulate.DefaultSeed, Residents: 90_000}},
		"few residents":        {Config{Applications: 90_000, Residents: 100, Seed: &two}, progress{Seed: 2, Residents: 100}},
	} {
		if got := test.config.newPopulation(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	there := progress{Seed: 1, Residents: 100, Published: 7}
	for _, c := range []Config{{}, {Seed: &one}, {Residents: 100}, {Applications: 90_000}} {
		if err := c.checkPopulation(there); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []Config{{Seed: &two}, {Residents: 101}} {
		if err := c.checkPopulation(there); !errors.Is(err, ErrOtherPopulation) {
			t.Errorf("%+v: %v, want %v", c, err, ErrOtherPopulation)
		}
	}
}
