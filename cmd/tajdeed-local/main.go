// Command tajdeed-local runs, feeds, measures and breaks a whole installation on one
// machine, with real servers that it starts itself. The program that an installation runs
// is tajdeed.
package main

import (
	"os"
	_ "time/tzdata" // ClickHouse's times are Kuwait's; a bare container knows no zones

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
)

func main() {
	if !local.ChildMain(os.Args) && !worker.Main(os.Args) {
		os.Exit(command.Main(rootCommand()))
	}
}

func rootCommand() *cli.Command {
	return command.Complete(&cli.Command{
		Name:  "tajdeed-local",
		Usage: "a whole installation of tajdeed on one machine: run, fed, measured and broken",
		Description: `Starts real Postgres, ClickHouse and Kafka as child processes, without Docker, for a
developer's machine, a demonstration, a benchmark. To see all of it:

   tajdeed-local up

Every flag can also be given by the variable named behind it.

Exit codes: 0 done · 1 failed · 2 wrong usage · 4 up --once: not balanced, and chaos: it
found something · 130 interrupted. servers with a COMMAND: the command's.`,
		Commands: []*cli.Command{
			upCommand(), serversCommand(),
			simulateCommand(),
			benchCommand(), chaosCommand(), clientsCommand(),
			command.VersionCommand(),
		},
	})
}

// The headings of the list of commands.
const (
	categoryTry     = "Try it on this machine"
	categoryFeed    = "Feed it"
	categoryMeasure = "Measure and break it"
)
