// Command tajdeed is the program that an installation runs: a subcommand for each stage of
// the flow, and those that set it up, submit to it and ask it. What runs, feeds, measures
// and breaks a whole installation on one machine is tajdeed-local.
package main

import (
	"os"
	_ "time/tzdata" // ClickHouse's times are Kuwait's; a bare container knows no zones

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
)

func main() { os.Exit(command.Main(rootCommand())) }

func rootCommand() *cli.Command {
	return command.Complete(&cli.Command{
		Name:  "tajdeed",
		Usage: "residency renewals from Kafka through Postgres to ClickHouse",
		Description: `Each channel has a Kafka topic of its own on which its applications land. The stage
renewals decides them and applies them to Postgres, the record; every message is
answered on its channel's other topic, from where the stage analytics carries the
answers into ClickHouse.

To see all of it on this machine, with real servers and no set-up:

   tajdeed-local up

Every flag can also be given by the variable named behind it.

Exit codes: 0 done · 1 failed, and verify: not balanced · 2 wrong usage · 3 input
refused · 130 interrupted.`,
		Commands: []*cli.Command{
			renewalsCommand(), analyticsCommand(),
			migrateCommand(), channelCommand(), importCommand(),
			submitCommand(), showCommand(), statsCommand(), policyCommand(),
			verifyCommand(),
			metricsCommand(), command.VersionCommand(),
		},
	})
}

// The headings of the list of commands.
const (
	categoryStages = "The stages, each a process"
	categorySetUp  = "Set up"
	categoryAsk    = "Submit and ask"
	categoryOps    = "For operations"
)
