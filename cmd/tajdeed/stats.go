package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
)

func statsCommand() *cli.Command {
	return &cli.Command{
		Name:     "stats",
		Category: categoryAsk,
		Usage:    "print what was decided, how fast and why not",
		Description: `Asks the analysts' database: throughput by hour or day; applications by article,
channel and outcome; why they were rejected; how long each stage took; and the
year's pace. Nobody is named there, so nobody is here.

An application is counted once. What came again under its id is counted apart: the
same (resend) or something else (conflict). Hours and days are Kuwait's, of the time
of decision, and a span is of whole hours: it begins and ends with one.

   tajdeed stats
   tajdeed stats --last 7d
   tajdeed stats --since 2026-11-01 --until 2026-12-01 --by day
   tajdeed stats --json | jq .totals
   tajdeed stats --csv --section reasons > reasons.csv

"Complete up to" (complete.up_to in JSON, null if unknown) says how far it holds: every
decision published before that is in, and what lies after may still grow.

Sections: throughput, applications, reasons, latency, pace. --section leaves out the
others; a CSV holds one, throughput if not told.`,
		Flags: []cli.Flag{
			clickhouseFlag(),
			&cli.StringFlag{Name: "last", Usage: "the last `TIME` until now, in hours or days: 24h, 7d", Value: "24h", Category: flagsAsked},
			timeFlag("since", "from `TIME` on, in Kuwait: 2026-11-23 or 2026-11-23T14:00"),
			timeFlag("until", "before `TIME`; now, if not told"),
			&cli.StringFlag{Name: "by", Usage: "throughput by `SPAN`: hour or day", DefaultText: "hour up to two days, day beyond", Category: flagsAsked},
			&cli.StringFlag{Name: "section", Usage: "print this `SECTION` only", Category: flagsAsked},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object; amounts are in fils, times in milliseconds", Category: flagsAsked},
			&cli.BoolFlag{Name: "csv", Usage: "print one section as CSV", Category: flagsAsked},
		},
		Before: noArguments,
		Action: runStats,
	}
}

// flagsAsked heads the flags that say what is asked.
const flagsAsked = "What is asked"

func timeFlag(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Category: flagsAsked}
}

func runStats(ctx context.Context, c *cli.Command) error {
	asked, err := readQuestion(c, time.Now())
	if err != nil {
		return usageError(c, err)
	}
	db, err := clickhouse.Open(ctx, clickhouseConfig(c))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	answer, err := askStats(ctx, db, asked)
	if err != nil {
		return err
	}
	return asked.print(c.Root().Writer, answer)
}

// question is what a command line asks for.
type question struct {
	since, until time.Time // whole hours in Kuwait, until not included
	by           string    // hour or day
	sections     []string
	print        func(io.Writer, *stats) error
}

// readQuestion reads what the flags ask.
func readQuestion(c *cli.Command, now time.Time) (q question, err error) {
	if q.since, q.until, err = readSpan(c, now); err != nil {
		return q, err
	}
	if q.by, err = readStep(c, q.until.Sub(q.since)); err != nil {
		return q, err
	}
	if q.sections, err = readSections(c); err != nil {
		return q, err
	}
	q.print, err = q.printer(c)
	return q, err
}

// readSpan returns the span that is asked about, widened to whole hours: the views
// tell hours apart and nothing finer.
func readSpan(c *cli.Command, now time.Time) (since, until time.Time, err error) {
	if c.IsSet("last") && c.IsSet("since") {
		return since, until, errors.New("--last and --since both say where to begin: give one")
	}
	last, err := parseLast(c.String("last"))
	if err != nil {
		return since, until, err
	}
	if until, err = readTime(c, "until", now); err != nil {
		return since, until, err
	}
	if since, err = readTime(c, "since", until.Add(-last)); err != nil {
		return since, until, err
	}
	if !since.Before(until) {
		return since, until, fmt.Errorf("nothing lies between %s and %s: --since must be before --until", text.Minute(since.In(schema.Kuwait)), text.Minute(until.In(schema.Kuwait)))
	}
	return hourOf(since), hourOf(until.Add(time.Hour - 1)), nil
}

var errLast = errors.New("a time such as 24h or 7d")

// parseLast reads a duration; a day is 24 hours.
func parseLast(s string) (time.Duration, error) {
	last, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		last = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || last <= 0 || last > 100*365*24*time.Hour {
		return 0, fmt.Errorf("--last %q is not %w", s, errLast)
	}
	return last, nil
}

// readTime reads a flag's time, in Kuwait's zone where it names none.
func readTime(c *cli.Command, flag string, unset time.Time) (time.Time, error) {
	s := c.String(flag)
	if s == "" {
		return unset, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, schema.Kuwait); err == nil {
			return t, nil
		}
	}
	return unset, fmt.Errorf("--%s %q is not a time such as 2026-11-23 or 2026-11-23T14:00", flag, s)
}

// hourOf returns the hour of an instant in Kuwait, which is three whole hours ahead
// of UTC.
func hourOf(t time.Time) time.Time { return t.Truncate(time.Hour).In(schema.Kuwait) }

func readStep(c *cli.Command, span time.Duration) (string, error) {
	switch by := c.String("by"); {
	case by == "hour" || by == "day":
		return by, nil
	case by != "":
		return "", fmt.Errorf("--by %q is neither hour nor day", by)
	case span <= 49*time.Hour: // two days that were widened
		return "hour", nil
	default:
		return "day", nil
	}
}

// The sections of the report, in its order.
var allSections = []string{"throughput", "applications", "reasons", "latency", "pace"}

func readSections(c *cli.Command) ([]string, error) {
	name := c.String("section")
	switch {
	case name == "" && c.Bool("csv"):
		return allSections[:1], nil
	case name == "":
		return allSections, nil
	case !slices.Contains(allSections, name):
		return nil, fmt.Errorf("--section %q is none of %s", name, strings.Join(allSections, ", "))
	}
	return []string{name}, nil
}

// printer returns how the answer is to be printed.
func (q question) printer(c *cli.Command) (func(io.Writer, *stats) error, error) {
	switch {
	case c.Bool("json") && c.Bool("csv"):
		return nil, errors.New("--json and --csv are two forms of the same: give one")
	case c.Bool("json"):
		return printStatsJSON, nil
	case c.Bool("csv"):
		return printStatsCSV(q.sections[0]), nil
	}
	return printStatsText(q), nil
}
