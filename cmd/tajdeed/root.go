package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"
)

// The exit codes. A script can tell what to do next.
const (
	exitDone        = 0
	exitFailed      = 1   // it could not be done, or verify found an imbalance; the error says what
	exitUsage       = 2   // the command line is wrong
	exitRefused     = 3   // the input was refused, wholly or in part
	exitUnbalanced  = 4   // what up --once published is not what came out, or chaos found something
	exitInterrupted = 130 // Ctrl-C before the work was done
)

func rootCommand() *cli.Command {
	root := &cli.Command{
		Name:  "tajdeed",
		Usage: "residency renewals from Kafka through Postgres to ClickHouse",
		Description: `Applications land on a Kafka topic. The stage renewals decides them and applies
them to Postgres, the record; every decision is announced on another topic, from
where the stage analytics carries it into ClickHouse.

To see all of it on this machine, with real servers and no set-up:

   tajdeed up

Every flag can also be given by the variable named behind it.

Exit codes: 0 done · 1 failed, and verify: not balanced · 2 wrong usage · 3 input
refused · 4 up --once: not balanced, and chaos: it found something · 130 interrupted.
servers with a COMMAND: the command's.`,
		Version:               version(),
		EnableShellCompletion: true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			c.Hidden, c.Category = false, categoryAbout
		},
		Suggest:        true,
		Flags:          logFlags(),
		Before:         setUpLog,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // main does it
		Commands: []*cli.Command{
			upCommand(), serversCommand(),
			renewalsCommand(), analyticsCommand(), simulateCommand(),
			migrateCommand(), importCommand(),
			submitCommand(), showCommand(), statsCommand(),
			verifyCommand(),
			metricsCommand(), versionCommand(),
			benchCommand(), chaosCommand(),
		},
	}
	refuseUsage(root)
	return root
}

// The headings of the list of commands.
const (
	categoryTry    = "Try it on this machine"
	categoryStages = "The stages, each a process"
	categorySetUp  = "Set up"
	categoryAsk    = "Submit and ask"
	categoryOps    = "For operations"
	categoryAbout  = "About"
)

// refuseUsage gives every wrong command line the exit code that says so.
func refuseUsage(c *cli.Command) {
	c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
		return usageError(c, err)
	}
	if c.Action == nil && len(c.Commands) > 0 {
		c.Action = func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return usageError(c, errors.New("no such command: "+c.Args().First()))
			}
			return cli.ShowRootCommandHelp(c)
		}
	}
	for _, sub := range c.Commands {
		refuseUsage(sub)
	}
}

// usageError says what is wrong with the command line and where to read more.
func usageError(c *cli.Command, err error) error {
	return cli.Exit(err.Error()+"; see `"+c.FullName()+" --help`", exitUsage)
}

// noArguments refuses what a command would ignore.
func noArguments(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Args().Present() {
		return ctx, usageError(c, errors.New("unexpected argument: "+c.Args().First()))
	}
	return ctx, nil
}
