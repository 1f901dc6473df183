// Package worker is the inside of the worker processes that the bench and chaos start: it
// makes a copy of the running program be one stage's process of an installation.
//
// What runs is [tajdeed/deploy/process], as in the program of an installation. The one
// difference is the wall clock, which chaos can set wrong in a process without touching
// the machine's.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/process"
	"tajdeed/schema"
)

// Installation says where the worker processes of an installation work. A process reads
// what its stage needs.
type Installation struct {
	Brokers       []string          `json:"brokers"`
	Prefix        string            `json:"prefix"` // of the topics
	Groups        map[string]string `json:"groups"` // consumer groups by stage; the stage's own where there is none
	PostgresURL   string            `json:"postgres_url"`
	ClickHouseURL string            `json:"clickhouse_url"`
	PseudonymKey  string            `json:"pseudonym_key"`
	Listen        string            `json:"listen"`
	// Wait is how long stores may fail to answer when the process starts. 0 is 30 s.
	Wait time.Duration `json:"wait"`
	// SessionTimeout is the stage's own where it is 0.
	SessionTimeout time.Duration `json:"session_timeout"`
}

// The variables by which a process learns that it is a worker.
const (
	variable      = "TAJDEED_WORKER"
	clockVariable = "TAJDEED_WORKER_CLOCK"
)

// Env is what a process must find in its environment to work for the installation; see
// [tajdeed/deploy/local.WorkersConfig].
func (i Installation) Env() ([]string, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("write what a worker process is told: %w", err)
	}
	return []string{variable + "=" + string(text)}, nil
}

// Main is called by main, or TestMain, before anything else, with os.Args. In a process
// that was started as a worker it runs the stage that the first argument names until
// SIGTERM or Ctrl-C, and exits with 1 where that fails; after it has returned true, main
// returns. In any other process it returns false at once.
func Main(args []string) bool {
	told := os.Getenv(variable)
	if told == "" {
		return false
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, told, args)
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		slog.Error("the stage ended", "error", err)
		os.Exit(1)
	}
	return true
}

func run(ctx context.Context, told string, args []string) error {
	var i Installation
	if err := json.Unmarshal([]byte(told), &i); err != nil {
		return fmt.Errorf("read %s: %w", variable, err)
	}
	if len(args) != 2 {
		return fmt.Errorf("a worker process is told the stage that it runs, and nothing else: %d arguments", len(args)-1)
	}
	clock := steppedClock{file: os.Getenv(clockVariable)}
	switch stage := args[1]; stage {
	case renewals.Name:
		c := i.config(stage, renewals.DefaultConfig(), clock)
		c.PostgresURL = i.PostgresURL
		return process.Renewals(ctx, c)
	case analytics.Name:
		c := i.config(stage, analytics.DefaultConfig(), clock)
		var err error
		if c.Pseudonym, err = analytics.NewPseudonym([]byte(i.PseudonymKey)); err != nil {
			return err
		}
		c.ClickHouseURL = i.ClickHouseURL
		return process.Analytics(ctx, c)
	default:
		return fmt.Errorf("there is no stage %q", stage)
	}
}

// defaultWait is how long stores may fail to answer at the start, as in the program of an
// installation.
const defaultWait = 30 * time.Second

func (i Installation) config(stage string, engine consumers.Config, clock steppedClock) process.Config {
	engine.Brokers, engine.ClientID = i.Brokers, "tajdeed-"+stage
	if group := i.Groups[stage]; group != "" {
		engine.Group = group
	}
	if i.SessionTimeout > 0 {
		engine.SessionTimeout = i.SessionTimeout
	}
	if clock.file != "" {
		slog.Warn("the clock of this process is chaos's to step", "file", clock.file)
		engine.Now = clock.now
	}
	c := process.Config{Engine: engine, Topics: schema.NamedTopics(i.Prefix), Listen: i.Listen, Wait: i.Wait}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	return c
}
