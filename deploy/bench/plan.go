package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tajdeed/producers/simulate"
)

// figure is something to measure.
type figure struct {
	name    string
	measure func(context.Context, *bench) (runResult, error)
}

const (
	// FullApplications are a year's transactions.
	FullApplications = 450_000
	// leastApplications are enough that every partition has some, of every kind.
	leastApplications = 500
	// naiveApplications are enough for a rate: the loop makes some hundreds a second.
	naiveApplications = 20_000
	// backlogApplications are what a day's outage leaves at 74 applications a second, and
	// more than fourteen years' transactions.
	backlogApplications = 6_400_000
)

// setting is under what conditions the stage renewals is measured.
type setting struct {
	load        workload
	workers     int
	residencies int64 // in the table; 0 means those of the population alone
}

// allFigures are all figures in the order in which they are measured. Those that read the
// same log follow one another. All but channels-1 have the channels that an installation
// begins with.
func allFigures(applications int) []figure {
	n := int64(applications)
	normal := workload{n: n, residents: max(simulate.DefaultResidents, applications), channels: allChannels}
	at := func(change func(*setting)) func(context.Context, *bench) (runResult, error) {
		s := setting{load: normal, workers: 1}
		change(&s)
		return func(ctx context.Context, b *bench) (runResult, error) { return b.renewals(ctx, s) }
	}
	// What is larger than a year shrinks in proportion to it, and never grows.
	scaled := func(full int64) int64 { return full * min(n, FullApplications) / FullApplications }

	all := []figure{
		{"ceiling", func(ctx context.Context, b *bench) (runResult, error) { return b.ceiling(ctx, normal) }},
		{"naive", func(ctx context.Context, b *bench) (runResult, error) {
			return b.naive(ctx, normal, min(n, naiveApplications))
		}},
		{"renewals", at(func(*setting) {})},
		{"analytics", func(ctx context.Context, b *bench) (runResult, error) { return b.analytics(ctx, normal) }},
		{"whole", func(ctx context.Context, b *bench) (runResult, error) { return b.whole(ctx, normal) }},
		{"whole-publishing", func(ctx context.Context, b *bench) (runResult, error) { return b.wholePublishing(ctx, normal) }},
	}
	for _, rate := range []int{100, 1000, 5000} {
		all = append(all, figure{fmt.Sprintf("latency-%d", rate), func(ctx context.Context, b *bench) (runResult, error) {
			return b.latency(ctx, normal, rate)
		}})
	}
	for _, size := range []struct {
		name string
		rows int64
	}{{"500k", 500_000}, {"5m", 5_000_000}, {"20m", 20_000_000}} {
		all = append(all, figure{"growth-residencies-" + size.name, at(func(s *setting) { s.residencies = scaled(size.rows) })})
	}
	for _, workers := range []int{1, 2, 4} {
		all = append(all, figure{fmt.Sprintf("growth-workers-%d", workers), at(func(s *setting) { s.workers = workers })})
	}
	for _, channels := range []int{allChannels, 1} {
		all = append(all, figure{fmt.Sprintf("channels-%d", channels), at(func(s *setting) { s.load.channels = channels })})
	}
	waiting := normal
	waiting.n = scaled(fairnessWaiting)
	all = append(all, figure{"fairness", func(ctx context.Context, b *bench) (runResult, error) { return b.fairness(ctx, waiting) }})
	for _, percent := range []float64{0, 0.1, 1} {
		all = append(all, figure{fmt.Sprintf("growth-poison-%g", percent), at(func(s *setting) { s.load.poison = share(percent) })})
	}
	for _, percent := range []float64{5, 50} {
		all = append(all, figure{fmt.Sprintf("growth-sponsor-%g", percent), at(func(s *setting) { s.load.sponsor = percent / 100 })})
	}
	return append(all, figure{"growth-backlog", at(func(s *setting) { s.load.n = scaled(backlogApplications) })})
}

// share is a share as simulate.Config takes it: there 0 means the default, and a negative
// number none.
func share(percent float64) float64 {
	if percent == 0 {
		return -1
	}
	return percent / 100
}

// choose returns the figures that match some names, in the order of the figures, and the
// first name that matches none. A name is a figure's name or its beginning up to a dash.
func choose(all []figure, names []string) (chosen []figure, unknown string) {
	if len(names) == 0 {
		return all, ""
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(f figure) bool { return f.matches(name) }) {
			return nil, name
		}
	}
	for _, f := range all {
		if slices.ContainsFunc(names, f.matches) {
			chosen = append(chosen, f)
		}
	}
	return chosen, ""
}

func (f figure) matches(name string) bool {
	return f.name == name || strings.HasPrefix(f.name, name+"-")
}
