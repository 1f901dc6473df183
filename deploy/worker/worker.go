// Package worker turns a copy of the running program into the process of a stage. Bench and
// chaos start their worker processes so.
//
// Such a process runs [tajdeed/deploy/process], as the program of an installation does. The
// one difference is that chaos can set its wall clock wrong without touching the machine's.
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

// Installation tells the worker processes of an installation where its stores are and how
// to work. A process reads what its stage needs.
type Installation struct {
	Brokers       []string          `json:"brokers"`
	Prefix        string            `json:"prefix"` // of the topics
	Groups        map[string]string `json:"groups"` // consumer groups by stage; the stage's default where there is none
	PostgresURL   string            `json:"postgres_url"`
	ClickHouseURL string            `json:"clickhouse_url"`
	PseudonymKey  string            `json:"pseudonym_key"`
	Listen        string            `json:"listen"`
	// Wait is how long stores may fail to answer when the process starts. 0 is 30 s.
	Wait time.Duration `json:"wait"`
	// SessionTimeout is how long Kafka waits for a silent process. 0 is the stage's default.
	SessionTimeout time.Duration `json:"session_timeout"`
	// QuarantineLimit is the share of unreadable messages beyond which a partition stops. 0
	// is the stage's default, 1 never stops.
	QuarantineLimit float64 `json:"quarantine_limit"`
}

// The environment variables of a worker process.
const (
	variable      = "TAJDEED_WORKER"
	clockVariable = "TAJDEED_WORKER_CLOCK"
)

// Env is the entry in the environment of a process that makes [Main] run a stage of the
// installation; see [tajdeed/deploy/local.WorkersConfig].
func (i Installation) Env() ([]string, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return nil, fmt.Errorf("write the installation of a worker process: %w", err)
	}
	return []string{variable + "=" + string(text)}, nil
}

// Main must be called by main, or TestMain, before anything else, with os.Args. In a process
// that was started as a worker it runs the stage that the first argument names, until
// SIGTERM or Ctrl-C. Then it returns true, and main must return; if the stage fails, it ends
// the process with exit code 1. In any other process it returns false at once.
func Main(args []string) bool {
	installation := os.Getenv(variable)
	if installation == "" {
		return false
	}
	var level slog.Level // info, if the variable names none
	_ = level.UnmarshalText([]byte(os.Getenv("TAJDEED_LOG_LEVEL")))
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	if err := runUntilSignal(installation, args); err != nil {
		slog.Error("the stage ended", "error", err)
		os.Exit(1)
	}
	return true
}

func runUntilSignal(installation string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, installation, args)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to stop while it waited for a store
	}
	return err
}

func run(ctx context.Context, installation string, args []string) error {
	var i Installation
	if err := json.Unmarshal([]byte(installation), &i); err != nil {
		return fmt.Errorf("read %s: %w", variable, err)
	}
	if len(args) != 2 {
		return fmt.Errorf("a worker process has one argument, its stage, and not %d", len(args)-1)
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

// defaultWait is how long a store may fail to answer at the start, as in the program of an
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
	if i.QuarantineLimit > 0 {
		engine.QuarantineLimit = i.QuarantineLimit
	}
	if clock.file != "" {
		slog.Info("a file can set the clock of this process wrong", "file", clock.file)
		engine.Now = clock.now
	}
	c := process.Config{Engine: engine, Topics: schema.Topics{Prefix: i.Prefix}, Listen: i.Listen, Wait: i.Wait}
	if c.Wait == 0 {
		c.Wait = defaultWait
	}
	return c
}
