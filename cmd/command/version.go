package command

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v3"
)

// commit is set by the Makefile: go records one only where it is allowed to ask git.
var commit string

// Version is the module's version and commit, as the build recorded them.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return versionOf(info, commit)
}

// versionOf prefers the commit that go recorded.
func versionOf(info *debug.BuildInfo, commit string) string {
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) >= 12 {
			commit = setting.Value[:12]
		}
	}
	if v := info.Main.Version; strings.Contains(v, commit) { // also where there is none
		return v
	}
	return info.Main.Version + " " + commit
}

// VersionCommand prints the version.
func VersionCommand() *cli.Command {
	return &cli.Command{
		Name:     "version",
		Category: CategoryAbout,
		Usage:    "print the version, the commit and the Go that built it",
		Before:   NoArguments,
		Action: func(_ context.Context, c *cli.Command) error {
			_, err := fmt.Fprintf(c.Root().Writer, "%s %s %s %s/%s\n", c.Root().Name, Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
