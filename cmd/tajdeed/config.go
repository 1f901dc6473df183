package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers"
	"tajdeed/producers"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

// env names the variable that stands in for a flag.
func env(flag string) cli.ValueSourceChain {
	return cli.EnvVars("TAJDEED_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")))
}

// The headings of a command's flags.
const (
	flagsStores = "Where the stores are"
	flagsEngine = "How the stage works"
	flagsOps    = "For operations"
)

func logFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "log-level", Usage: "`LEVEL` of the log: debug, info, warn or error", Value: "info", Sources: env("log-level")},
		&cli.StringFlag{Name: "log-format", Usage: "`FORMAT` of the log: text, json, or auto: text on a terminal", Value: "auto", Sources: env("log-format")},
	}
}

// setUpLog makes the log that the flags ask for the default one. It goes to
// standard error: standard output is for what a command was asked.
func setUpLog(ctx context.Context, c *cli.Command) (context.Context, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return ctx, usageError(c, fmt.Errorf("--log-level: %q is neither debug, info, warn nor error", c.String("log-level")))
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
		return ctx, usageError(c, fmt.Errorf("--log-format: %q is neither text, json nor auto", format))
	}
	return ctx, nil
}

func brokerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "brokers", Usage: "Kafka brokers, `HOST:PORT`, several with commas between", Value: []string{"127.0.0.1:9092"}, Sources: env("brokers"), Category: flagsStores},
		&cli.StringFlag{Name: "topics", Usage: "`PREFIX` of the topics' names: PREFIX.submissions and so on", Value: schema.DefaultPrefix, Sources: env("topics"), Category: flagsStores},
	}
}

func postgresFlag() cli.Flag {
	return &cli.StringFlag{Name: "postgres", Usage: "`URL` of the record", Value: "postgres://127.0.0.1/tajdeed", Sources: env("postgres"), Category: flagsStores}
}

func clickhouseFlag() cli.Flag {
	return &cli.StringFlag{Name: "clickhouse", Usage: "`URL` of the analysts' database", Value: "clickhouse://127.0.0.1:9000/tajdeed", Sources: env("clickhouse"), Category: flagsStores}
}

// The ports of the pages for operations: each stage its own, so that all can run on
// one machine.
const (
	portRenewals  = 9464
	portAnalytics = 9465
	portSimulate  = 9466
	portUp        = 9467
)

func listenFlag(port int) cli.Flag {
	return &cli.StringFlag{Name: "listen", Usage: "serve /metrics, /livez, /readyz and /debug/pprof on `ADDRESS`; port 0 takes a free one, empty serves nothing", Value: fmt.Sprintf("127.0.0.1:%d", port), Sources: env("listen"), Category: flagsOps}
}

func waitFlag() cli.Flag {
	return &cli.DurationFlag{Name: "wait", Usage: "longest `TIME` to wait at the start for stores that don't answer yet", Value: 30 * time.Second, Sources: env("wait"), Category: flagsOps}
}

// engineFlags are a stage's, with the defaults that suit it.
func engineFlags(defaults consumers.Config) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "group", Usage: "consumer `GROUP`", Value: defaults.Group, Sources: env("group"), Category: flagsEngine},
		&cli.IntFlag{Name: "batch-messages", Usage: "most `MESSAGES` of a batch", Value: defaults.BatchMessages, Sources: env("batch-messages"), Category: flagsEngine},
		&cli.DurationFlag{Name: "batch-age", Usage: "`TIME` that a message waits for others at most; three times that where they come fast", Value: defaults.BatchAge, Sources: env("batch-age"), Category: flagsEngine},
		&cli.IntFlag{Name: "concurrency", Usage: "how many `BATCHES`, of different partitions, are applied at once", Value: defaults.Concurrency, Sources: env("concurrency"), Category: flagsEngine},
		&cli.FloatFlag{Name: "quarantine-limit", Usage: "`SHARE` of unreadable messages beyond which a partition stops; 1 never does", Value: 0.5, Sources: env("quarantine-limit"), Category: flagsEngine},
		&cli.DurationFlag{Name: "session-timeout", Usage: "`TIME` of silence after which the partitions go to another worker", Value: defaults.SessionTimeout, Sources: env("session-timeout"), Category: flagsEngine},
	}
}

// engineConfig reads what engineFlags declares.
func engineConfig(c *cli.Command) consumers.Config {
	return consumers.Config{
		Brokers:         c.StringSlice("brokers"),
		Group:           c.String("group"),
		ClientID:        clientID(c),
		BatchMessages:   c.Int("batch-messages"),
		BatchAge:        c.Duration("batch-age"),
		Concurrency:     c.Int("concurrency"),
		QuarantineLimit: c.Float("quarantine-limit"),
		SessionTimeout:  c.Duration("session-timeout"),
	}
}

func topics(c *cli.Command) schema.Topics { return schema.NamedTopics(c.String("topics")) }

func publisherConfig(c *cli.Command) producers.Config {
	return producers.Config{Brokers: c.StringSlice("brokers"), Topics: topics(c).Names(), ClientID: clientID(c)}
}

// postgresConfig leaves a transaction less time than a stage has to drain.
func postgresConfig(c *cli.Command) postgres.Config {
	return postgres.Config{
		URL:              c.String("postgres"),
		ApplicationName:  clientID(c),
		MaxConns:         c.Int("concurrency") + spareConns,
		StatementTimeout: statementTimeout,
	}
}

func clickhouseConfig(c *cli.Command) clickhouse.Config {
	return clickhouse.Config{URL: c.String("clickhouse"), ApplicationName: clientID(c), MaxConns: c.Int("concurrency") + spareConns}
}

const (
	// spareConns are for what runs beside the batches: taking over, idling, asking.
	spareConns       = 4
	statementTimeout = 10 * time.Second
)

// clientID is the name under which brokers and databases see a process.
func clientID(c *cli.Command) string { return "tajdeed-" + c.Name }

// commit is set by the Makefile: go records one only where it is allowed to ask git.
var commit string

// version is the module's version and commit, as the build recorded them.
func version() string {
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
