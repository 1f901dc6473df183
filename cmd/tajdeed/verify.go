package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/consumers/analytics"
	"tajdeed/dashboards/verify"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:     "verify",
		Category: categoryOps,
		Usage:    "prove that nothing was lost or doubled, and repair ClickHouse",
		Description: `For every partition that a stage reads it proves that

   consumed = decided + applied + duplicates + conflicts + quarantined,

and that every offset is accounted for exactly once; that every decision, and every
message in quarantine, is on its topic as the record has it; and that ClickHouse holds one
row for each decision, the same in every column but the time of insertion. ClickHouse
hides whom a row is about: that is compared only under the --pseudonym-key, and the report
says where it was not. What is wrong is named by partition and offset.

It can be asked while everything runs: messages that are still on their way are counted
apart, and are no imbalance. --wait waits until all that was on the topics at the start is
decided, announced and in ClickHouse.

   tajdeed verify
   tajdeed verify --wait 1m --json | jq .balanced
   tajdeed verify --repair --pseudonym-key SECRET

--repair brings the rows of ClickHouse in line with the record: it inserts rows that are
missing, and replaces rows that are doubled or different. It leaves rows alone where the
record and the decisions topic don't agree, or which the stage analytics has not reached.
Then it verifies again. Under a key that no row was written under, it touches nothing. It
repairs no other damage: a decision that is missing on its topic is announced by the stage
renewals when it next takes the partition over.

Exit codes: 0 balanced · 1 not balanced, or after --wait not all through, or it could not
be found out · 2 wrong usage.`,
		Flags: slices.Concat(command.BrokerFlags(), []cli.Flag{
			postgresFlag(), clickhouseFlag(),
			&cli.StringFlag{Name: "analytics-group", Usage: "consumer `GROUP` of the stage analytics", Value: analytics.Group, Sources: command.Env("analytics-group"), Category: command.FlagsStores},
			&cli.DurationFlag{Name: "wait", Usage: "wait up to `TIME` until all that is on the topics now is through", Category: flagsAsked},
			&cli.BoolFlag{Name: "repair", Usage: "bring ClickHouse in line with the record", Category: flagsAsked},
			&cli.StringFlag{Name: "pseudonym-key", Usage: "`SECRET` of the stage analytics: compares persons too; --repair needs it", Sources: command.Env("pseudonym-key"), Category: flagsAsked},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object", Category: flagsAsked},
		}),
		Before: beforeVerify,
		Action: runVerify,
	}
}

func beforeVerify(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Bool("repair") && c.String("pseudonym-key") == "" {
		return ctx, command.UsageError(c, errors.New("--repair writes rows: it needs the --pseudonym-key of the stage analytics"))
	}
	if _, err := readPseudonym(c); err != nil {
		return ctx, command.UsageError(c, err)
	}
	return command.NoArguments(ctx, c)
}

// readPseudonym returns nil where no key was told.
func readPseudonym(c *cli.Command) (*analytics.Pseudonym, error) {
	key := c.String("pseudonym-key")
	if key == "" {
		return nil, nil
	}
	return analytics.NewPseudonym([]byte(key))
}

func runVerify(ctx context.Context, c *cli.Command) error {
	config, closeStores, err := verifyConfig(ctx, c)
	if err != nil {
		return err
	}
	defer closeStores()
	found, err := verify.Run(ctx, config)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = found.WriteJSON(c.Root().Writer)
	} else {
		_, err = io.WriteString(c.Root().Writer, found.Text())
	}
	if err != nil {
		return err
	}
	return exitOf(found, config.Wait)
}

// exitOf turns what was found into the exit code. Where it was waited for, all must be
// through.
func exitOf(found *verify.Books, waited time.Duration) error {
	switch {
	case !found.Balanced:
		return cli.Exit("the books don't balance", command.ExitFailed)
	case waited > 0 && !found.Complete:
		return cli.Exit("after "+waited.String()+" not all of it was through", command.ExitFailed)
	}
	return nil
}

// verifyConfig reads the flags and connects to the stores.
func verifyConfig(ctx context.Context, c *cli.Command) (config verify.Config, closeStores func(), err error) {
	pseudonym, err := readPseudonym(c)
	if err != nil {
		return config, nil, err
	}
	record := postgresConfig(c)
	record.StatementTimeout = verify.StatementTimeout
	db, err := postgres.Open(ctx, record)
	if err != nil {
		return config, nil, err
	}
	rows, err := clickhouse.Open(ctx, clickhouseConfig(c))
	if err != nil {
		db.Close()
		return config, nil, err
	}
	config = verify.Config{
		Brokers: c.StringSlice("brokers"), Topics: command.Topics(c), AnalyticsGroup: c.String("analytics-group"),
		Postgres: db, ClickHouse: rows, Pseudonym: pseudonym, Wait: c.Duration("wait"), Repair: c.Bool("repair"),
	}
	return config, func() {
		db.Close()
		_ = rows.Close()
	}, nil
}
