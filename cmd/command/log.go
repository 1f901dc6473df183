package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v3"
)

func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "log-level", Usage: "`LEVEL` of the log: debug, info, warn or error", Value: "info", Sources: Env("log-level")},
		&cli.StringFlag{Name: "log-format", Usage: "`FORMAT` of the log: text, json, or auto: text on a terminal", Value: "auto", Sources: Env("log-format")},
	}
}

// setUpLog makes the log that the flags ask for the default one. It goes to
// standard error: standard output is for what a command was asked.
func setUpLog(ctx context.Context, c *cli.Command) (context.Context, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return ctx, UsageError(c, fmt.Errorf("--log-level: %q is neither debug, info, warn nor error", c.String("log-level")))
	}
	options := &slog.HandlerOptions{Level: level}
	format := c.String("log-format")
	if format == "auto" {
		format = "json"
		if isatty.IsTerminal(os.Stderr.Fd()) {
			format = "text"
		}
	}
	switch format {
	case "text":
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, options)))
	case "json":
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, options)))
	default:
		return ctx, UsageError(c, fmt.Errorf("--log-format: %q is neither text, json nor auto", format))
	}
	return ctx, nil
}
