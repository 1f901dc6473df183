package bench

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
)

// WriteJSON writes the figures as one object.
func (r *Result) WriteJSON(w io.Writer) error { return text.WriteJSON(w, r) }

// Text is the report for a person at a terminal.
func (r *Result) Text() string {
	var out strings.Builder
	out.WriteString("\n" + r.Machine.text() + "\n" + r.Versions.text() + "\n" + r.missing())
	for _, part := range r.tables() {
		text.WriteTable(&out, part.title, part.rows)
	}
	return out.String()
}

// Markdown is the report as a Markdown page that names the command line and the time.
func (r *Result) Markdown(command string, at time.Time) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Benchmark\n\n%s, Kuwait time. Made by `%s`.\n\n- %s\n- %s\n",
		at.In(schema.Kuwait).Format("2006-01-02 15:04"), command, r.Machine.text(), r.Versions.text())
	if missing := r.missing(); missing != "" {
		out.WriteString("- " + missing)
	}
	for _, part := range r.tables() {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n", part.title, part.rows.RenderMarkdown())
	}
	return out.String()
}

// missing says which figures were asked for and not measured.
func (r *Result) missing() string {
	if len(r.Missing) == 0 {
		return ""
	}
	return r.Missing[0] + " failed. Not measured: " + strings.Join(r.Missing, ", ") + "\n"
}

func (m *Machine) text() string {
	text := fmt.Sprintf("%d cores", m.Cores)
	if m.CPU != "" {
		text += fmt.Sprintf(" of %s, %.1f GB, Linux %s, load average %.1f before", m.CPU, m.MemoryGB, m.Kernel, m.Load)
	}
	return text + ", " + m.System + ", " + m.Go
}

func (v *Versions) text() string {
	return fmt.Sprintf("tajdeed %s, Postgres %s, ClickHouse %s, %s %s", v.Tajdeed, v.Postgres, v.ClickHouse, v.Broker, v.Kafka)
}

// titledTable is one of the report's tables.
type titledTable struct {
	title string
	rows  table.Writer
}

func (r *Result) tables() []titledTable {
	all := []titledTable{{"Figures", r.figuresTable()}}
	if latencies := r.latencyTable(); latencies.Length() > 0 {
		all = append(all, titledTable{"Latency, from when a message was due, in ms", latencies})
	}
	if ratios := r.ratiosTable(); ratios.Length() > 0 {
		all = append(all, titledTable{"Ratios", ratios})
	}
	return append(all, titledTable{"Targets", r.targetsTable()})
}

// figuresTable has a row for each figure. Processor time is in microseconds per
// application.
func (r *Result) figuresTable() table.Writer {
	t := text.NewTable("figure", "channels", "n", "seconds", "least–most", "a second",
		"µs tajdeed", "postgres", "kafka", "clickhouse", "publisher", "peak MB", "analytics MB")
	text.AlignRight(t, 2, 13)
	for i := range r.Figures {
		f := &r.Figures[i]
		spread := ""
		if f.Runs > 1 {
			spread = fmt.Sprintf("%.2f–%.2f", f.SecondsMin, f.SecondsMax)
		}
		row := table.Row{f.Name, f.Channels, text.Thousands(f.N), fmt.Sprintf("%.2f", f.Seconds), spread, text.Thousands(int64(f.PerSecond))}
		row = append(row, cpuCells(f.CPUMicroEach)...)
		t.AppendRow(append(row, cell(f.PeakRSSMB, "%.0f"), cell(f.AnalyticsPeakRSSMB, "%.0f")))
	}
	return t
}

func cpuCells(c *CPU) []any {
	if c == nil {
		return []any{"", "", "", "", ""}
	}
	return []any{
		fmt.Sprintf("%.1f", c.Tajdeed), fmt.Sprintf("%.1f", c.Postgres), fmt.Sprintf("%.1f", c.Kafka),
		fmt.Sprintf("%.1f", c.ClickHouse), cell(c.Publisher, "%.1f"),
	}
}

// cell is empty for a value that is missing.
func cell(x *float64, format string) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf(format, *x)
}

func (r *Result) latencyTable() table.Writer {
	t := text.NewTable("figure", "measured", "decided p50", "p99", "p99.9", "max", "queryable p50", "p99", "p99.9", "max")
	text.AlignRight(t, 2, 10)
	for i := range r.Figures {
		if l := r.Figures[i].LatencyMS; l != nil {
			row := append(table.Row{r.Figures[i].Name, text.Thousands(l.Measured)}, percentileCells(&l.Decided)...)
			t.AppendRow(append(row, percentileCells(l.Queryable)...))
		}
	}
	return t
}

func percentileCells(p *Percentiles) []any {
	if p == nil {
		return []any{"", "", "", ""}
	}
	return []any{text.Tenths(p.P50), text.Tenths(p.P99), text.Tenths(p.P999), text.Tenths(p.Max)}
}

func (r *Result) ratiosTable() table.Writer {
	t := text.NewTable("ratio", "")
	text.AlignRight(t, 2, 2)
	for _, ratio := range []struct {
		name string
		is   *float64
	}{
		{"renewals to ceiling", r.Ratios.RenewalsToCeiling},
		{"renewals to naive", r.Ratios.RenewalsToNaive},
		{"whole, seconds for 450,000", r.Ratios.WholeSecondsPer450k},
		{"an application among 20 million residencies, to one among 0.5", r.Ratios.RegisterGrowth},
		{"an application with 0.1 % unreadable messages, to one with none", r.Ratios.PoisonSlowdown},
		{"four workers to one", r.Ratios.WorkersFourToOne},
		{"backlog, seconds for 6.4 million", r.Ratios.BacklogSecondsPer64M},
		{"six channels instead of one, % of the throughput lost", r.Ratios.ChannelsLossPercent},
		{"six channels instead of one, % more processor time for each application", r.Ratios.ChannelsCPUPercent},
	} {
		if ratio.is != nil {
			t.AppendRow(table.Row{ratio.name, fmt.Sprintf("%.2f", *ratio.is)})
		}
	}
	return t
}

func (r *Result) targetsTable() table.Writer {
	t := text.NewTable("target", "measured", "")
	text.AlignRight(t, 2, 2)
	for _, target := range r.Targets {
		measured := ""
		if target.Measured != nil {
			measured = formatNumber(*target.Measured) + " " + target.Unit
		}
		t.AppendRow(table.Row{target.Target, measured, target.status()})
	}
	return t
}
