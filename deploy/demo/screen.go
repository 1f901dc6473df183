package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"tajdeed/dashboards/text"
)

const (
	screenEvery  = 500 * time.Millisecond
	summaryEvery = 10 * time.Second
	// rateOver is the span over which rates and latencies are measured.
	rateOver = 10 * time.Second

	// yearly is what the department serves in a year: Al-Rai, 2020-05-07.
	yearly = 450_000
	year   = 365 * 24 * time.Hour
)

// screen is the live summary on a terminal.
type screen struct {
	installation *installation
	begin        time.Time
	history      []figures // of the last rateOver, oldest first
	err          error
}

// showScreen shows the live summary until ctx ends or the person leaves it.
func (i *installation) showScreen(ctx context.Context) error {
	view := &screen{installation: i, begin: time.Now()}
	_, err := tea.NewProgram(view, tea.WithContext(ctx), tea.WithAltScreen(), tea.WithoutSignalHandler()).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		err = nil
	}
	fmt.Print(view.figures()) // stays on the terminal after the screen is gone
	return errors.Join(err, view.err)
}

type tick time.Time

func nextTick() tea.Cmd {
	return tea.Tick(screenEvery, func(t time.Time) tea.Msg { return tick(t) })
}

// Init takes the first figures.
func (v *screen) Init() tea.Cmd {
	v.sample()
	return nextTick()
}

// Update takes new figures, and leaves at q or Ctrl-C.
func (v *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tick:
		v.sample()
		if v.err != nil {
			return v, tea.Quit
		}
		return v, nextTick()
	case tea.KeyMsg:
		if s := msg.String(); s == "q" || s == "ctrl+c" {
			return v, tea.Quit
		}
	}
	return v, nil
}

func (v *screen) sample() {
	f, err := gatherFigures(v.installation.registry, v.installation.published.Load())
	v.err = err
	v.history = append(v.history, f)
	for len(v.history) > 2 && f.at.Sub(v.history[0].at) > rateOver {
		v.history = v.history[1:]
	}
}

var (
	styleTitle = lipgloss.NewStyle().Bold(true)
	styleFaint = lipgloss.NewStyle().Faint(true)
	styleGood  = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	styleBad   = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
)

// View draws the screen.
func (v *screen) View() string { return v.figures() + v.places() }

// figures shows what the stages have done.
func (v *screen) figures() string {
	sum := summarise(v.history)
	return fmt.Sprintf("\n  %s %s\n\n", styleTitle.Render("Tajdeed · تجديد"),
		styleFaint.Render("running for "+time.Since(v.begin).Round(time.Second).String())) +
		sum.flow() + sum.outcomes() + sum.timing()
}

// places shows where to look further.
func (v *screen) places() string {
	at := v.installation.at
	ready := styleGood.Render("ready")
	if err := v.installation.ready(); err != nil {
		ready = styleBad.Render("not ready: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	lines := []string{
		"", ready, "",
		styleFaint.Render("Postgres    " + at.Postgres),
		styleFaint.Render("ClickHouse  " + at.ClickHouse),
		styleFaint.Render(fmt.Sprintf("%-11s %s", at.Broker.Title(), strings.Join(at.Brokers, ","))),
		styleFaint.Render("log         " + at.Data + "/log"),
		"", styleFaint.Render("q or Ctrl-C stops"),
	}
	return "  " + strings.Join(lines, "\n  ") + "\n"
}

// summary is the latest figures, and the rates and latencies since earlier ones.
type summary struct {
	now                      figures
	publishRate, consumeRate float64
	decideRate, rowRate      float64
	p50, p99                 float64 // seconds
}

func summarise(history []figures) summary {
	now, before := history[len(history)-1], history[0]
	took := now.at.Sub(before.at)
	return summary{
		now:         now,
		publishRate: rate(now.published, before.published, took),
		consumeRate: rate(now.consumed, before.consumed, took),
		decideRate:  rate(now.decided(), before.decided(), took),
		rowRate:     rate(now.rows, before.rows, took),
		p50:         quantile(0.50, now.age, before.age),
		p99:         quantile(0.99, now.age, before.age),
	}
}

// flow is a line for each stage, in the order of the flow.
func (s summary) flow() string {
	line := func(name string, n, perSecond float64, note string) string {
		return fmt.Sprintf("  %-14s %12s %9s/s  %s\n", name, text.Thousands(int64(n)), text.Thousands(int64(math.Round(perSecond))), styleFaint.Render(note))
	}
	return line("published", s.now.published, s.publishRate, "") +
		line("consumed", s.now.consumed, s.consumeRate, text.Thousands(int64(s.now.lag))+" waiting on the topic") +
		line("decided", s.now.decided(), s.decideRate, "") +
		line("in ClickHouse", s.now.rows, s.rowRate, text.Thousands(int64(s.now.rowsLag))+" waiting on the topic") + "\n"
}

// outcomes is a line for each way in which a message can end.
func (s summary) outcomes() string {
	var b strings.Builder
	for _, row := range []struct {
		name string
		n    float64
	}{
		{"approved", s.now.outcomes["approved"]},
		{"rejected", s.now.outcomes["rejected"]},
		{"sent again", s.now.outcomes["resend"]},
		{"conflicts", s.now.outcomes["conflict"]},
		{"quarantined", s.now.quarantined},
	} {
		share := 0.0
		if s.now.consumed > 0 {
			share = 100 * row.n / s.now.consumed
		}
		fmt.Fprintf(&b, "  %-14s %12s %9.1f %%\n", row.name, text.Thousands(int64(row.n)), share)
	}
	return b.String() + "\n"
}

// timing is how long messages wait and how the rate compares with the year's.
func (s summary) timing() string {
	return fmt.Sprintf("  %-14s p50 %s   p99 %s   %s\n  %-14s %s\n",
		"latency", milliseconds(s.p50), milliseconds(s.p99), styleFaint.Render("from the topic to the decision"),
		"pace", pace(s.decideRate))
}

// milliseconds shows seconds as milliseconds.
func milliseconds(seconds float64) string {
	if math.IsNaN(seconds) {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", seconds*1000)
}

// pace compares a rate with the year's 450,000.
func pace(perSecond float64) string {
	if perSecond < 0.5 {
		return "–"
	}
	takes := time.Duration(yearly / perSecond * float64(time.Second))
	return fmt.Sprintf("a year's %s in %s; %s times the year's average",
		text.Thousands(yearly), takes.Round(time.Second), text.Thousands(int64(perSecond*year.Seconds()/yearly)))
}

// logSummaries logs the summary every ten seconds, where there is no terminal.
func (i *installation) logSummaries(ctx context.Context) error {
	ticker := time.NewTicker(summaryEvery)
	defer ticker.Stop()
	before, err := gatherFigures(i.registry, i.published.Load())
	for err == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		var now figures
		if now, err = gatherFigures(i.registry, i.published.Load()); err != nil {
			break
		}
		sum := summarise([]figures{before, now})
		slog.Info("summary", "published", int64(now.published), "consumed", int64(now.consumed),
			"approved", int64(now.outcomes["approved"]), "rejected", int64(now.outcomes["rejected"]),
			"resends", int64(now.outcomes["resend"]), "conflicts", int64(now.outcomes["conflict"]),
			"quarantined", int64(now.quarantined), "clickhouse_rows", int64(now.rows),
			"per_second", math.Round(sum.decideRate), "p50", milliseconds(sum.p50), "p99", milliseconds(sum.p99))
		before = now
	}
	return err
}
