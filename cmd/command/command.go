// Package command is what the command lines of both programs share: their exit codes,
// their log, the flags that say where the stores are, progress bars and the version. The
// programs' own subcommands lie in the folders beside it.
package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"
)

// The exit codes. A script can tell what to do next.
const (
	ExitDone        = 0
	ExitFailed      = 1   // it could not be done, or verify found an imbalance; the error says what
	ExitUsage       = 2   // the command line is wrong
	ExitRefused     = 3   // the input was refused, wholly or in part
	ExitUnbalanced  = 4   // what up --once published is not what came out, or chaos found something
	ExitInterrupted = 130 // Ctrl-C before the work was done
)

// Main runs a program's command line until it is done or told to stop, and returns the
// exit code.
func Main(root *cli.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return exitStatus(ctx, root.Name, root.Run(ctx, os.Args))
}

// exitStatus says what went wrong, once, and returns the code for it.
func exitStatus(ctx context.Context, program string, err error) int {
	complain := func(text string) {
		if text != "" {
			fmt.Fprintf(os.Stderr, "%s: %s\n", program, text)
		}
	}
	var coded cli.ExitCoder
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &coded):
		complain(err.Error())
		return coded.ExitCode()
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	complain(err.Error())
	if errors.Is(err, syscall.ECONNREFUSED) {
		complain("nothing listens there: say where it is with --postgres, --clickhouse or --brokers, or start it; " +
			"`tajdeed-local servers` starts all three on this machine")
	}
	return ExitFailed
}

// Complete makes a root command of a program: with the flags of its log, the version, and
// an exit code for every wrong command line. The root has its name, usage, description and
// commands.
func Complete(root *cli.Command) *cli.Command {
	root.Version = Version()
	root.EnableShellCompletion = true
	root.ConfigureShellCompletionCommand = func(c *cli.Command) { c.Hidden, c.Category = false, CategoryAbout }
	root.Suggest = true
	root.Flags = logFlags()
	root.Before = setUpLog
	root.ExitErrHandler = func(context.Context, *cli.Command, error) {} // Main does it
	refuseUsage(root)
	return root
}

// CategoryAbout heads what a program tells of itself in its list of commands.
const CategoryAbout = "About"

// refuseUsage gives every wrong command line the exit code that says so.
func refuseUsage(c *cli.Command) {
	c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
		return UsageError(c, err)
	}
	if c.Action == nil && len(c.Commands) > 0 {
		c.Action = func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return UsageError(c, errors.New("no such command: "+c.Args().First()))
			}
			return cli.ShowRootCommandHelp(c)
		}
	}
	for _, sub := range c.Commands {
		refuseUsage(sub)
	}
}

// UsageError says what is wrong with the command line and where to read more.
func UsageError(c *cli.Command, err error) error {
	return cli.Exit(err.Error()+"; see `"+c.FullName()+" --help`", ExitUsage)
}

// NoArguments is the Before of a command that would ignore arguments: it refuses them.
func NoArguments(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Args().Present() {
		return ctx, UsageError(c, errors.New("unexpected argument: "+c.Args().First()))
	}
	return ctx, nil
}
