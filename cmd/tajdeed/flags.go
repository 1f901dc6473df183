package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/consumers"
	"tajdeed/deploy/process"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

// The headings of a command's flags.
const (
	flagsEngine = "How the stage works"
	flagsAsked  = "What is asked"
)

func postgresFlag() cli.Flag {
	return &cli.StringFlag{Name: "postgres", Usage: "`URL` of the record", Value: "postgres://127.0.0.1/tajdeed", Sources: command.Env("postgres"), Category: command.FlagsStores}
}

func clickhouseFlag() cli.Flag {
	return &cli.StringFlag{Name: "clickhouse", Usage: "`URL` of the database in ClickHouse", Value: "clickhouse://127.0.0.1:9000/tajdeed", Sources: command.Env("clickhouse"), Category: command.FlagsStores}
}

// postgresConfig is that of a command which asks the record.
func postgresConfig(c *cli.Command) postgres.Config {
	return postgres.Config{
		URL: c.String("postgres"), ApplicationName: command.ClientID(c),
		MaxConns: process.SpareConns, StatementTimeout: process.StatementTimeout,
	}
}

// clickhouseConfig is that of a command which asks ClickHouse.
func clickhouseConfig(c *cli.Command) clickhouse.Config {
	return clickhouse.Config{URL: c.String("clickhouse"), ApplicationName: command.ClientID(c), MaxConns: process.SpareConns}
}

// engineFlags are a stage's, with its defaults.
func engineFlags(defaults consumers.Config) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "group", Usage: "consumer `GROUP`", Value: defaults.Group, Sources: command.Env("group"), Category: flagsEngine},
		&cli.IntFlag{Name: "batch-messages", Usage: "most `MESSAGES` of a batch", Value: defaults.BatchMessages, Sources: command.Env("batch-messages"), Category: flagsEngine},
		&cli.DurationFlag{Name: "batch-age", Usage: "`TIME` that a message waits for others at most; three times that where they come fast", Value: defaults.BatchAge, Sources: command.Env("batch-age"), Category: flagsEngine},
		&cli.IntFlag{Name: "concurrency", Usage: "how many `BATCHES`, of different partitions, are applied at once", Value: defaults.Concurrency, Sources: command.Env("concurrency"), Category: flagsEngine},
		&cli.FloatFlag{Name: "quarantine-limit", Usage: "`SHARE` of unreadable messages, above 0, beyond which a partition stops; 1 never does", Value: defaults.QuarantineLimit, Sources: command.Env("quarantine-limit"), Category: flagsEngine},
		&cli.DurationFlag{Name: "session-timeout", Usage: "`TIME` of silence after which the partitions go to another worker", Value: defaults.SessionTimeout, Sources: command.Env("session-timeout"), Category: flagsEngine},
	}
}

// stageConfig reads what engineFlags and the flags of a stage's process declare, over the
// stage's defaults.
func stageConfig(c *cli.Command, engine consumers.Config) (process.Config, error) {
	engine.Brokers, engine.ClientID = c.StringSlice("brokers"), command.ClientID(c)
	engine.Group = c.String("group")
	engine.BatchMessages, engine.BatchAge = c.Int("batch-messages"), c.Duration("batch-age")
	engine.Concurrency, engine.SessionTimeout = c.Int("concurrency"), c.Duration("session-timeout")
	engine.QuarantineLimit = c.Float("quarantine-limit")
	if err := positive(c); err != nil {
		return process.Config{}, command.UsageError(c, err)
	}
	return process.Config{Engine: engine, Topics: command.Topics(c), Listen: c.String("listen"), Wait: c.Duration("wait")}, nil
}

// positive refuses what would be taken for the default, or for something else than it
// says.
func positive(c *cli.Command) error {
	switch {
	case c.Int("batch-messages") < 1, c.Int("concurrency") < 1:
		return errors.New("--batch-messages and --concurrency: at least 1")
	case c.Duration("batch-age") <= 0, c.Duration("session-timeout") <= 0:
		return errors.New("--batch-age and --session-timeout: more than 0")
	case c.Float("quarantine-limit") <= 0 || c.Float("quarantine-limit") > 1:
		return fmt.Errorf("--quarantine-limit %g: a share above 0 and up to 1", c.Float("quarantine-limit"))
	}
	return nil
}
