package bench

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/text"
)

// Result is what `tajdeed-local bench --json` prints.
type Result struct {
	Machine  Machine  `json:"machine"`
	Versions Versions `json:"versions"`
	Figures  []Figure `json:"figures"`
	Ratios   Ratios   `json:"ratios"`
	Targets  []Target `json:"targets"`
	// Missing are the figures that were asked for and not measured, from the one that
	// failed on.
	Missing []string `json:"missing,omitempty"`
}

// Figure is one figure. Of several runs it is the median by seconds, with all values of
// that run; only the memory is the most of all runs.
type Figure struct {
	Name       string  `json:"name"`
	N          int64   `json:"n"`        // applications; rows for analytics and ceiling
	Channels   int     `json:"channels"` // how many topics of submissions they lie on, or could
	Runs       int     `json:"runs"`
	Seconds    float64 `json:"seconds"`
	SecondsMin float64 `json:"seconds_min"`
	SecondsMax float64 `json:"seconds_max"`
	PerSecond  float64 `json:"per_second"`
	// Processor time and memory are null where they cannot be measured: anywhere but on
	// Linux.
	CPUSeconds         *CPU     `json:"cpu_seconds"`
	CPUMicroEach       *CPU     `json:"cpu_us_per_application"`
	PeakRSSMB          *float64 `json:"peak_rss_mb"` // of the workers; for analytics, of that stage
	AnalyticsPeakRSSMB *float64 `json:"sink_peak_rss_mb,omitempty"`
	LatencyMS          *Latency `json:"latency_ms,omitempty"`
}

// CPU is processor time by process.
type CPU struct {
	Tajdeed    float64 `json:"tajdeed"`
	Postgres   float64 `json:"postgres"`
	Kafka      float64 `json:"kafka"`
	ClickHouse float64 `json:"clickhouse"`
	// Publisher is the bench's own process, where it publishes.
	Publisher *float64 `json:"publisher,omitempty"`
}

// Ratios compare figures. One is null where a figure that it needs was not measured.
type Ratios struct {
	RenewalsToCeiling    *float64 `json:"renewals_to_ceiling"`
	RenewalsToNaive      *float64 `json:"renewals_to_naive"`
	WholeSecondsPer450k  *float64 `json:"whole_seconds_per_450k"`
	RegisterGrowth       *float64 `json:"residencies_20m_to_500k"` // seconds per application
	PoisonSlowdown       *float64 `json:"poison_0_1_to_0"`
	WorkersFourToOne     *float64 `json:"workers_4_to_1"`
	BacklogSecondsPer64M *float64 `json:"backlog_seconds_per_6_4m"`
	// ChannelsLossPercent is how much less a second six channels have than one, and
	// ChannelsCPUPercent how much more processor time an application takes, of all programs.
	ChannelsLossPercent *float64 `json:"channels_6_loss_percent"`
	ChannelsCPUPercent  *float64 `json:"channels_6_cpu_percent"`
}

// newFigure makes a figure of its runs.
func newFigure(name string, runs []runResult) Figure {
	slices.SortFunc(runs, func(a, b runResult) int { return cmp.Compare(a.took, b.took) })
	middle := runs[(len(runs)-1)/2]
	f := Figure{
		Name: name, N: middle.n, Channels: middle.channels, Runs: len(runs),
		Seconds: text.Rounded(middle.took.Seconds()), SecondsMin: text.Rounded(runs[0].took.Seconds()),
		SecondsMax: text.Rounded(runs[len(runs)-1].took.Seconds()),
		PerSecond:  text.Rounded(float64(middle.n) / middle.took.Seconds()),
		CPUSeconds: newCPU(middle.cpu, 1),
		LatencyMS:  middle.latency,
	}
	f.CPUMicroEach = newCPU(middle.cpu, 1e6/float64(middle.n))
	f.PeakRSSMB, f.AnalyticsPeakRSSMB = peak(runs, renewals.Name), peak(runs, analytics.Name)
	if f.PeakRSSMB == nil {
		f.PeakRSSMB, f.AnalyticsPeakRSSMB = f.AnalyticsPeakRSSMB, nil
	}
	return f
}

// newCPU returns the processor time of each program times a factor.
func newCPU(used map[string]time.Duration, factor float64) *CPU {
	if used == nil {
		return nil
	}
	part := func(name string) float64 { return text.Rounded(used[name].Seconds() * factor) }
	c := &CPU{
		Tajdeed: part(partTajdeed), Postgres: part(partPostgres), Kafka: part(partKafka), ClickHouse: part(partClickHouse),
	}
	if _, published := used[partPublisher]; published {
		publisher := part(partPublisher)
		c.Publisher = &publisher
	}
	return c
}

func peak(runs []runResult, stage string) *float64 {
	most := int64(0)
	for _, r := range runs {
		most = max(most, r.rss[stage])
	}
	if most == 0 {
		return nil
	}
	megabytes := text.Rounded(float64(most) / (1 << 20))
	return &megabytes
}

// line is what the progress says of a figure as soon as it is measured.
func (f *Figure) line() string {
	return fmt.Sprintf("%s: %s in %.2f s, %s a second", f.Name, text.Thousands(f.N), f.Seconds, text.Thousands(int64(f.PerSecond)))
}

// figure returns a figure by its name, nil where it was not measured.
func (r *Result) figure(name string) *Figure {
	for i := range r.Figures {
		if r.Figures[i].Name == name {
			return &r.Figures[i]
		}
	}
	return nil
}

// speedup is how many times as fast one figure is as another.
func (r *Result) speedup(a, b string) *float64 {
	x, y := r.figure(a), r.figure(b)
	if x == nil || y == nil {
		return nil
	}
	ratio := text.Rounded(x.PerSecond / y.PerSecond)
	return &ratio
}

// channelsLoss is by how many per cent six channels are slower than one; below 0 where they
// are faster.
func (r *Result) channelsLoss() *float64 {
	six, one := r.figure("channels-6"), r.figure("channels-1")
	if six == nil || one == nil {
		return nil
	}
	return percentMore(1-six.PerSecond/one.PerSecond, 0)
}

// channelsCPU is how many per cent more processor time an application takes by six channels
// than by one.
func (r *Result) channelsCPU() *float64 {
	six, one := r.figure("channels-6"), r.figure("channels-1")
	if six == nil || one == nil || six.CPUMicroEach == nil || one.CPUMicroEach == nil || one.CPUMicroEach.sum() == 0 {
		return nil
	}
	return percentMore(six.CPUMicroEach.sum()/one.CPUMicroEach.sum(), 1)
}

// percentMore is by how many per cent a share is more than another.
func percentMore(share, than float64) *float64 {
	percent := text.Rounded(100 * (share - than))
	return &percent
}

// sum is the processor time of all programs.
func (c *CPU) sum() float64 {
	sum := c.Tajdeed + c.Postgres + c.Kafka + c.ClickHouse
	if c.Publisher != nil {
		sum += *c.Publisher
	}
	return sum
}

// secondsFor is how long so many applications would take at a figure's speed.
func (r *Result) secondsFor(name string, n int64) *float64 {
	f := r.figure(name)
	if f == nil {
		return nil
	}
	seconds := text.Rounded(float64(n) / f.PerSecond)
	return &seconds
}

// conclude compares the figures with one another and with the targets.
func (r *Result) conclude() {
	r.Ratios = Ratios{
		RenewalsToCeiling:    r.speedup("renewals", "ceiling"),
		RenewalsToNaive:      r.speedup("renewals", "naive"),
		WholeSecondsPer450k:  r.secondsFor("whole", FullApplications),
		RegisterGrowth:       r.speedup("growth-residencies-500k", "growth-residencies-20m"),
		PoisonSlowdown:       r.speedup("growth-poison-0", "growth-poison-0.1"),
		WorkersFourToOne:     r.speedup("growth-workers-4", "growth-workers-1"),
		BacklogSecondsPer64M: r.secondsFor("growth-backlog", backlogApplications),
		ChannelsLossPercent:  r.channelsLoss(),
		ChannelsCPUPercent:   r.channelsCPU(),
	}
	r.compareWithTargets()
}
