package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/stats"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
)

func statsCommand() *cli.Command {
	return &cli.Command{
		Name:     "stats",
		Category: categoryAsk,
		Usage:    "print what was decided, how fast and why not",
		Description: `Asks ClickHouse: throughput by hour or day; applications by article,
channel and outcome; why they were rejected; what could not be read; how long each
stage took; and the year's pace. Nobody is named there, so nobody is here.

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

Sections: throughput, applications, reasons, unreadable, latency, pace. --section leaves out the
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
		Before: command.NoArguments,
		Action: runStats,
	}
}

func timeFlag(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: usage, Category: flagsAsked}
}

func runStats(ctx context.Context, c *cli.Command) error {
	question, err := readQuestion(c, time.Now())
	if err != nil {
		return command.UsageError(c, err)
	}
	db, err := clickhouse.Open(ctx, clickhouseConfig(c))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	report, err := stats.Ask(ctx, db, question)
	if err != nil {
		return err
	}
	out := c.Root().Writer
	switch {
	case c.Bool("json"):
		return report.WriteJSON(out)
	case c.Bool("csv"):
		return report.WriteCSV(out)
	}
	_, err = io.WriteString(out, report.Text())
	return err
}

// readQuestion reads what the flags ask.
func readQuestion(c *cli.Command, now time.Time) (q stats.Question, err error) {
	switch {
	case c.IsSet("last") && c.IsSet("since"):
		return q, errors.New("--last and --since both say where to begin: give one")
	case c.Bool("json") && c.Bool("csv"):
		return q, errors.New("--json and --csv are two forms of the same: give one")
	}
	last, err := parseLast(c.String("last"))
	if err != nil {
		return q, err
	}
	if q.Until, err = readTime(c, "until", now); err != nil {
		return q, err
	}
	if q.Since, err = readTime(c, "since", q.Until.Add(-last)); err != nil {
		return q, err
	}
	q.By = c.String("by")
	if section := c.String("section"); section != "" {
		q.Sections = []string{section}
	} else if c.Bool("csv") {
		q.Sections = stats.Sections()[:1]
	}
	if err := q.Validate(); err != nil {
		return q, fmt.Errorf("--%w", err)
	}
	return q, nil
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
