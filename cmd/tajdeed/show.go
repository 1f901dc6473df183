package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/show"
	"tajdeed/schema/postgres"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Category:  categoryAsk,
		Usage:     "print what became of one application",
		ArgsUsage: "APPLICATION_ID",
		Description: `Asks the record: what was applied for, and every decision on a message that came
under this application_id, with its reasons. The first decision counts; what was
sent again is answered the same, and another application under the same id is
rejected. Where nothing is decided it says whether a message under the id cannot be
read and is in quarantine, or is on its way: that is looked for on the topics.

The output can be passed on: of the Civil ID and the sponsor it has the last four digits,
and nothing of the passport, the account, the receipt and the insurance's number.

   tajdeed show 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10
   tajdeed show 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10 --lang ar
   tajdeed show 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10 --json | jq .decisions[0].outcome

An id under which nothing is known ends with exit code 1.`,
		Flags: append(command.BrokerFlags(),
			postgresFlag(),
			&cli.StringFlag{Name: "lang", Usage: "`LANGUAGE` of the reasons: en, ar or both", Value: "both", Category: flagsAsked},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object; amounts are in fils", Category: flagsAsked},
		),
		Action: runShow,
	}
}

func runShow(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return command.UsageError(c, fmt.Errorf("one application_id is wanted, not %d", c.NArg()))
	}
	id, err := show.ParseID(c.Args().First())
	if err != nil {
		return command.UsageError(c, err)
	}
	lang := c.String("lang")
	if lang != "en" && lang != "ar" && lang != "both" {
		return command.UsageError(c, errors.New("--lang is en, ar or both"))
	}
	db, err := postgres.Open(ctx, postgresConfig(c))
	if err != nil {
		return err
	}
	defer db.Close()
	found, err := show.Find(ctx, db, id, show.Options{
		English: lang != "ar", Arabic: lang != "en",
		Log: &show.Log{Brokers: c.StringSlice("brokers"), Topics: command.Topics(c)},
	})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return found.WriteJSON(c.Root().Writer)
	}
	_, err = io.WriteString(c.Root().Writer, found.Text())
	return err
}
