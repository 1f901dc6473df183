// Command tajdeed is all of Tajdeed in one binary.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"tajdeed/deploy/local"
)

func main() {
	if local.ChildMain(os.Args) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cli.Command{Name: "tajdeed", Usage: "residency renewals from Kafka through Postgres to ClickHouse", Commands: []*cli.Command{serversCommand()}}
	if err := root.Run(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "tajdeed:", err)
		os.Exit(1)
	}
}
