package main

import (
	"os"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
)

func TestMain(m *testing.M) {
	switch {
	case local.ChildMain(os.Args), worker.Main(os.Args): // a server or a worker of a test
	case commandtest.IsProgram():
		main()
	default:
		os.Exit(m.Run())
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	commandtest.ExitCodes(t, map[string]int{
		"version":                command.ExitDone,
		"--help":                 command.ExitDone,
		"renewals":               command.ExitUsage, // of the other program
		"up --rat 5":             command.ExitUsage, // no such flag
		"up --rate fast":         command.ExitUsage, // a value of the wrong type
		"up now":                 command.ExitUsage,
		"up --json":              command.ExitUsage, // without --once
		"bench --only nothing":   command.ExitUsage,
		"bench --applications 1": command.ExitUsage,
		"chaos --only nothing":   command.ExitUsage,
		"chaos --rate 0":         command.ExitUsage,
		"simulate --residents 0": command.ExitUsage,
	})
}
