// Command tajdeed is the whole of Tajdeed in one binary: a subcommand for each
// stage of the flow, and those that set it up, feed it and ask it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // ClickHouse's times are Kuwait's; a bare container knows no zones

	"github.com/urfave/cli/v3"

	"tajdeed/deploy/local"
)

func main() {
	if !local.ChildMain(os.Args) {
		os.Exit(run())
	}
}

// run runs the command line until it is done or told to stop.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return exitStatus(ctx, rootCommand().Run(ctx, os.Args))
}

// exitStatus says what went wrong, once, and returns the code for it.
func exitStatus(ctx context.Context, err error) int {
	var coded cli.ExitCoder
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		complain(err)
		return coded.ExitCode()
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	complain(err)
	if errors.Is(err, syscall.ECONNREFUSED) {
		fmt.Fprintln(os.Stderr, "tajdeed: nothing listens there: say where it is with --postgres, --clickhouse or --brokers, or start it; "+
			"`tajdeed servers` starts all three on this machine")
	}
	return exitFailed
}

func complain(err error) {
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "tajdeed:", text)
	}
}
