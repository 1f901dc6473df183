package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tajdeed/dashboards/text"
)

// benchResult is what `tajdeed bench --json` prints.
type benchResult struct {
	Machine  benchMachine  `json:"machine"`
	Versions benchVersions `json:"versions"`
	Figures  []benchFigure `json:"figures"`
	Ratios   benchRatios   `json:"ratios"`
	Targets  []benchTarget `json:"targets"`
	// Missing are the figures that were asked for and not measured, from the one that
	// failed on.
	Missing []string `json:"missing,omitempty"`
}

// benchFigure is one figure. Of several runs, it is the one in the middle by its
// seconds, whole; the memory is the most of all.
type benchFigure struct {
	Name       string  `json:"name"`
	N          int64   `json:"n"` // applications; rows for analytics and ceiling
	Runs       int     `json:"runs"`
	Seconds    float64 `json:"seconds"`
	SecondsMin float64 `json:"seconds_min"`
	SecondsMax float64 `json:"seconds_max"`
	PerSecond  float64 `json:"per_second"`
	// The processor time is null where it cannot be had: anywhere but on Linux.
	CPUSeconds    *benchCPU     `json:"cpu_seconds"`
	CPUMicroEach  *benchCPU     `json:"cpu_us_per_application"`
	PeakRSSMB     *float64      `json:"peak_rss_mb"` // of the workers; of the sink for analytics
	SinkPeakRSSMB *float64      `json:"sink_peak_rss_mb,omitempty"`
	LatencyMS     *benchLatency `json:"latency_ms,omitempty"`
}

// benchCPU is processor time by process.
type benchCPU struct {
	Tajdeed    float64 `json:"tajdeed"`
	Postgres   float64 `json:"postgres"`
	Kafka      float64 `json:"kafka"`
	ClickHouse float64 `json:"clickhouse"`
	// Publisher is the bench's own process, where it publishes.
	Publisher *float64 `json:"publisher,omitempty"`
}

// benchRatios compare figures; null where one of them was not measured.
type benchRatios struct {
	RenewalsToCeiling    *float64 `json:"renewals_to_ceiling"`
	RenewalsToNaive      *float64 `json:"renewals_to_naive"`
	WholeSecondsPer450k  *float64 `json:"whole_seconds_per_450k"`
	RegisterGrowth       *float64 `json:"residencies_20m_to_500k"` // processor time aside: seconds of each application
	PoisonSlowdown       *float64 `json:"poison_0_1_to_0"`
	WorkersFourToOne     *float64 `json:"workers_4_to_1"`
	BacklogSecondsPer64M *float64 `json:"backlog_seconds_per_6_4m"`
}

// newFigure makes a figure of its runs.
func newFigure(name string, runs []benchRun) benchFigure {
	slices.SortFunc(runs, func(a, b benchRun) int { return cmp.Compare(a.took, b.took) })
	middle := runs[(len(runs)-1)/2]
	f := benchFigure{
		Name: name, N: middle.n, Runs: len(runs),
		Seconds: text.Rounded(middle.took.Seconds()), SecondsMin: text.Rounded(runs[0].took.Seconds()),
		SecondsMax: text.Rounded(runs[len(runs)-1].took.Seconds()),
		PerSecond:  text.Rounded(float64(middle.n) / middle.took.Seconds()),
		CPUSeconds: newCPU(middle.cpu, 1),
		LatencyMS:  middle.latency,
	}
	f.CPUMicroEach = newCPU(middle.cpu, 1e6/float64(middle.n))
	f.PeakRSSMB, f.SinkPeakRSSMB = peak(runs, roleWorker), peak(runs, roleSink)
	if f.PeakRSSMB == nil {
		f.PeakRSSMB, f.SinkPeakRSSMB = f.SinkPeakRSSMB, nil
	}
	return f
}

// newCPU gives processor time by part, each times a factor.
func newCPU(used map[string]time.Duration, factor float64) *benchCPU {
	if used == nil {
		return nil
	}
	part := func(name string) float64 { return text.Rounded(used[name].Seconds() * factor) }
	c := &benchCPU{
		Tajdeed: part(partTajdeed), Postgres: part(partPostgres), Kafka: part(partKafka), ClickHouse: part(partClickHouse),
	}
	if _, published := used[partPublisher]; published {
		publisher := part(partPublisher)
		c.Publisher = &publisher
	}
	return c
}

func peak(runs []benchRun, role string) *float64 {
	most := int64(0)
	for _, r := range runs {
		most = max(most, r.rss[role])
	}
	if most == 0 {
		return nil
	}
	megabytes := text.Rounded(float64(most) / (1 << 20))
	return &megabytes
}

// line is what is said of a figure as soon as it is there.
func (f *benchFigure) line() string {
	return fmt.Sprintf("%s: %s in %.2f s, %s a second", f.Name, text.Thousands(f.N), f.Seconds, text.Thousands(int64(f.PerSecond)))
}

// of returns a figure by its name, nil where it was not measured.
func (r *benchResult) of(name string) *benchFigure {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// speed is how much faster one figure is than another.
func (r *benchResult) speed(a, b string) *float64 {
	x, y := r.of(a), r.of(b)
	if x == nil || y == nil {
		return nil
	}
	ratio := text.Rounded(x.PerSecond / y.PerSecond)
	return &ratio
}

// secondsFor is how long so many applications would take at a figure's speed.
func (r *benchResult) secondsFor(name string, n int64) *float64 {
	f := r.of(name)
	if f == nil {
		return nil
	}
	seconds := text.Rounded(float64(n) / f.PerSecond)
	return &seconds
}

// conclude compares the figures with one another and with the targets.
func (r *benchResult) conclude() {
	r.Ratios = benchRatios{
		RenewalsToCeiling:    r.speed("renewals", "ceiling"),
		RenewalsToNaive:      r.speed("renewals", "naive"),
		WholeSecondsPer450k:  r.secondsFor("whole", fullApplications),
		RegisterGrowth:       r.speed("growth-residencies-500k", "growth-residencies-20m"),
		PoisonSlowdown:       r.speed("growth-poison-0", "growth-poison-0.1"),
		WorkersFourToOne:     r.speed("growth-workers-4", "growth-workers-1"),
		BacklogSecondsPer64M: r.secondsFor("growth-backlog", backlogApplications),
	}
	r.judge()
}
