// Package clients runs the example channels of schema/examples, each in the client library
// of its language, against a real installation. It fetches the libraries as the examples'
// README says, starts the servers and both stages, imports a register that knows a resident
// for each channel, and adds the channels. An example fails by itself if an answer is not
// what the contract promises.
//
// Each example runs twice: answered by the stages, and answered as a later edition may
// answer. Then it publishes keys, and the partitions that they were placed in are compared.
//
// The command `tajdeed-local clients` calls it, and `make clients` calls that.
package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/deploy/local"
)

// Config says where the examples are, and how to run them.
type Config struct {
	// Servers says how the servers are started. Its Progress, if it is set, is called at
	// each step of the examples too.
	Servers local.Config
	// Examples is the folder schema/examples. Nothing is written there.
	Examples string
	// Out is where the examples' output goes, one example after the other.
	Out io.Writer
}

// timeout bounds the run of one example. It takes seconds.
const timeout = 90 * time.Second

// Run runs all examples at once. The error names those that failed.
func Run(ctx context.Context, c Config) (err error) {
	folder, err := os.MkdirTemp("", "tajdeed-clients-")
	if err != nil {
		return fmt.Errorf("make a folder for the examples: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	residents, err := readResidents(filepath.Join(c.Examples, "resident.json"))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	installed := make(chan struct{})
	group.Go(func() error {
		if err := c.install(ctx, folder); err != nil {
			return err
		}
		close(installed)
		return nil
	})
	group.Go(func() error {
		return local.With(ctx, c.Servers, func(servers *local.Servers) error {
			return c.onServers(ctx, servers.Endpoints(), residents, func() error {
				select {
				case <-installed:
					return c.runExamples(ctx, folder, servers.Endpoints().Brokers, residents)
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	})
	return group.Wait()
}

// install installs all examples in folders of their own, at the same time as the servers
// start.
func (c Config) install(ctx context.Context, folder string) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range languages {
		group.Go(func() error { return l.install(ctx, filepath.Join(c.Examples, l.name), filepath.Join(folder, l.name)) })
	}
	return group.Wait()
}

// runExamples runs all examples at once and writes their outputs one after the other.
func (c Config) runExamples(ctx context.Context, folder string, brokers []string, residents []resident) error {
	c.say("running the examples")
	expected, err := readPartitions(filepath.Join(c.Examples, "partitions.txt"))
	if err != nil {
		return err
	}
	runs := make([]run, len(languages))
	failures := make([]error, len(languages))
	var group errgroup.Group
	for i, l := range languages {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			runs[i] = run{language: l, folder: filepath.Join(folder, l.name), brokers: brokers}
			failures[i] = runs[i].all(ctx, residents[i], expected)
			return nil
		})
	}
	_ = group.Wait() // the failures are kept apart, so that one example stops no other
	for i := range runs {
		if _, err := runs[i].output.WriteTo(c.Out); err != nil {
			return fmt.Errorf("write an example's output: %w", err)
		}
		if failures[i] != nil {
			fmt.Fprintf(c.Out, "FAILED: %v\n", failures[i])
		}
	}
	return errors.Join(failures...)
}

func (c Config) say(step string) {
	if c.Servers.Progress != nil {
		c.Servers.Progress(step)
	}
}
