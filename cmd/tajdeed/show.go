package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/urfave/cli/v3"

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
rejected.

The Civil ID is cut to its last four digits, so that the output can be passed on.

   tajdeed show 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10
   tajdeed show 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10 --lang ar
   tajdeed show 6f1d4c1e-8a52-4f1b-9b53-0d6a2f7c9e10 --json | jq .decisions[0].outcome

An id that the record doesn't hold ends with exit code 1.`,
		Flags: []cli.Flag{
			postgresFlag(),
			&cli.StringFlag{Name: "lang", Usage: "`LANGUAGE` of the reasons: en, ar or both", Value: "both", Category: flagsAsked},
			&cli.BoolFlag{Name: "civil-id", Usage: "print the whole Civil ID", Category: flagsAsked},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object; amounts are in fils", Category: flagsAsked},
		},
		Action: runShow,
	}
}

func runShow(ctx context.Context, c *cli.Command) error {
	id, err := readApplicationID(c)
	if err != nil {
		return usageError(c, err)
	}
	languages, err := readLanguages(c)
	if err != nil {
		return usageError(c, err)
	}
	db, err := postgres.Open(ctx, postgresConfig(c))
	if err != nil {
		return err
	}
	defer db.Close()
	found, err := findApplication(ctx, db, id)
	if err != nil {
		return err
	}
	found.explain(languages)
	if !c.Bool("civil-id") {
		found.hideCivilIDs()
	}
	return printShown(c.Root().Writer, found, c.Bool("json"))
}

// readApplicationID wants a UUID as a message carries it, and nothing else.
func readApplicationID(c *cli.Command) (uuid.UUID, error) {
	if c.NArg() != 1 {
		return uuid.Nil, fmt.Errorf("one application_id is wanted, not %d", c.NArg())
	}
	s := c.Args().First()
	id, err := uuid.Parse(s)
	if err != nil || len(s) != len(id.String()) {
		return uuid.Nil, fmt.Errorf("%q is not an application_id: a UUID of 8-4-4-4-12 hexadecimal digits", s)
	}
	return id, nil
}

// languages are those in which reasons are told.
type languages struct{ english, arabic bool }

func readLanguages(c *cli.Command) (languages, error) {
	switch c.String("lang") {
	case "both":
		return languages{english: true, arabic: true}, nil
	case "en":
		return languages{english: true}, nil
	case "ar":
		return languages{arabic: true}, nil
	}
	return languages{}, errors.New("--lang is en, ar or both")
}

func printShown(out io.Writer, found *shown, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(out, found.text())
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(found)
}
