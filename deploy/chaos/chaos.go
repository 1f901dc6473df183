// Package chaos breaks an installation in many ways, and checks that no message is lost,
// unanswered, doubled, misordered or wrong.
//
// It starts servers of its own, a proxy in front of each, and both stages as processes. It
// publishes a simulated population's messages and strikes with faults at moments that a
// seed chooses. After each round it waits until every server answers and every message is
// through, and compares what came out, row by row, with what the simulation expects of the
// messages on the topic. The comparison reads the topics with another client library than
// the stages; it shares with them only how a decision is decoded. In addition it has the
// books verified by dashboards/verify.
//
// One of the channels floods: it sends its applications again and again, and once in a round
// so many messages in a row that cannot be read that the stage stops their partition. Before
// that partition goes on, with the workers restarted to quarantine any share, the messages of
// all others must be through.
//
// The commands `tajdeed-local chaos` and `make chaos` call it.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tajdeed/dashboards/text"
)

// Config is how chaos runs.
type Config struct {
	// Seed chooses the faults, their moments and the messages. The same seed gives the same
	// ones, but not the same interleaving.
	Seed uint64
	// Only are the kinds of fault to strike with, see [Kinds]. None means all.
	Only []string
	// Rounds is how many rounds there are. 0 means 3, or as many as Limit lets begin.
	Rounds int
	// Limit is how long after the start a round may begin. 0 is no limit.
	Limit time.Duration
	// Rate is how many messages a second are published, without the bursts.
	Rate int
	// Keep keeps the folder with data and logs also when nothing was found.
	Keep bool
	// Cache is the folder of the servers' packages. "" is the one of
	// [tajdeed/deploy/local].
	Cache string
	// Progress, if it is set, is called at each step with the time since the start, from
	// several goroutines.
	Progress func(since time.Duration, step string)
}

const defaultRounds = 3

// Validate says what is wrong with the configuration, after the name of the flag that sets
// it. It contacts nothing.
func (c Config) Validate() error {
	_, err := parseKinds(c.Only)
	switch {
	case err != nil:
		return fmt.Errorf("only: %w", err)
	case c.Rounds < 0:
		return errors.New("rounds: 0 or more")
	case c.Limit < 0:
		return errors.New("minutes: 0 or more")
	case c.Rate < 1:
		return errors.New("rate: at least 1")
	}
	return nil
}

// Kinds are the names of all kinds of fault, in the order of the report.
func Kinds() []string {
	names := make([]string, len(faultKinds))
	for i, kind := range faultKinds {
		names[i] = string(kind)
	}
	return names
}

// limits say when to stop.
type limits struct {
	rounds int       // 0 is no limit
	until  time.Time // zero is no limit
}

func (c Config) limits() limits {
	l := limits{rounds: c.Rounds}
	if c.Limit > 0 {
		l.until = time.Now().Add(c.Limit)
	} else if l.rounds == 0 {
		l.rounds = defaultRounds
	}
	return l
}

// more says whether another round begins after so many.
func (l limits) more(rounds int) bool {
	return (l.rounds == 0 || rounds < l.rounds) && (l.until.IsZero() || time.Now().Before(l.until))
}

// WritePlan writes the faults of the rounds without striking: for each its moment in seconds
// since the round began, its kind, how long it lasts, and what it hits.
func WritePlan(w io.Writer, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	kinds, err := parseKinds(c.Only)
	if err != nil {
		return err
	}
	plan := newSchedule(c.Seed, kinds)
	for round := range max(c.limits().rounds, 1) {
		fmt.Fprintf(w, "round %d\n", round+1)
		for _, f := range plan.round() {
			if _, err := fmt.Fprintln(w, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Run runs all rounds in a temporary folder and stops what it started. Findings are in the
// result and are no error. Where there are findings, or Run fails, the folder is kept and
// the result names it.
func Run(ctx context.Context, c Config) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	folder, err := makeFolder()
	if err != nil {
		return Result{}, err
	}
	result, err := inFolder(ctx, c, folder)
	if result.Kept == "" {
		err = os.RemoveAll(folder)
	}
	return result, err
}

// makeFolder makes a temporary folder that the user that Postgres runs as can reach.
func makeFolder() (string, error) {
	folder, err := os.MkdirTemp("", "tajdeed-chaos-*")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return "", fmt.Errorf("open the folder: %w", err)
	}
	return folder, nil
}

func inFolder(ctx context.Context, c Config, folder string) (result Result, err error) {
	began, limits := time.Now(), c.limits()
	say := func(step string) {
		if c.Progress != nil {
			c.Progress(time.Since(began), step)
		}
	}
	defer func() {
		if err != nil {
			result.Kept = folder
		}
	}()
	kinds, err := parseKinds(c.Only)
	if err != nil {
		return result, err
	}
	i, err := openInstallation(ctx, folder, c.Cache, say)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, i.close(context.WithoutCancel(ctx))) }()
	e, err := newExperiment(ctx, i, c.Seed, c.Rate, newSchedule(c.Seed, kinds), say)
	if err != nil {
		return result, err
	}
	err = e.run(ctx, limits)
	result = e.result()
	result.Seconds = text.Rounded(time.Since(began).Seconds())
	if err != nil || !result.OK || c.Keep {
		result.Kept = folder
		i.keep = true
	}
	return result, err
}
