package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

func channelCommand() *cli.Command {
	return &cli.Command{
		Name:     "channel",
		Category: categorySetUp,
		Usage:    "add and list the channels that applications come by",
		Description: `A channel is a portal, an app, a counter, a company's back office: whoever publishes
applications. Each has two topics of its own, PREFIX.submissions.NAME, to which only it
should be allowed to write, and PREFIX.decisions.NAME, from which it reads its answers.
Which channels there are is what topics there are. schema/README.md says what to tell the
brokers about who may do what.

   tajdeed channel add clinic_desk
   tajdeed channel list`,
		Commands: []*cli.Command{channelAddCommand(), channelListCommand()},
	}
}

func channelAddCommand() *cli.Command {
	return &cli.Command{
		Name:      "add",
		Usage:     "create a channel's topics",
		ArgsUsage: "NAME…",
		Description: `A name is 2 to 32 small letters, digits and underscores, the first a letter. A channel
that exists is left alone. Running stages see a new one within 30 seconds.`,
		Flags: append(command.BrokerFlags(), partitionsFlag(), replicationFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			channels, err := parseChannels(c.Args().Slice())
			switch {
			case err != nil:
				return command.UsageError(c, err)
			case len(channels) == 0:
				return command.UsageError(c, errors.New("a channel's NAME is wanted"))
			}
			if err := positiveTopics(c); err != nil {
				return command.UsageError(c, err)
			}
			return addChannels(ctx, c, channels)
		},
	}
}

// addChannels creates what is missing, and says what is wrong with what was there.
func addChannels(ctx context.Context, c *cli.Command, channels []schema.Channel) error {
	config := topicsConfig(c, channels)
	created, err := kafka.Create(ctx, config)
	if err != nil {
		return err
	}
	found, err := kafka.Find(ctx, config.Brokers, config.Topics)
	if err != nil {
		return err
	}
	for _, channel := range channels {
		topics := []string{config.Topics.Submissions(channel), config.Topics.Decisions(channel)}
		switch {
		case found.Faults[channel] != nil:
			return fmt.Errorf("channel %s: %w", channel, found.Faults[channel])
		case slices.ContainsFunc(topics, func(t string) bool { return slices.Contains(created, t) }):
			fmt.Fprintf(c.Root().Writer, "%s: created %s\n", channel, strings.Join(topics, " and "))
		default:
			fmt.Fprintf(c.Root().Writer, "%s: was there already\n", channel)
		}
	}
	return nil
}

func channelListCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the channels and their topics",
		Description: `A channel whose topics the stages cannot work with is listed with what is wrong; the
others are not held up by it. Exit code 1 if there is one.`,
		Flags:  append(command.BrokerFlags(), &cli.BoolFlag{Name: "json", Usage: "print one JSON object"}),
		Before: command.NoArguments,
		Action: listChannels,
	}
}

// listed is a channel as `tajdeed channel list --json` prints it.
type listed struct {
	Channel     schema.Channel `json:"channel"`
	Submissions string         `json:"submissions"`
	Decisions   string         `json:"decisions"`
	Partitions  int            `json:"partitions"`
	Fault       string         `json:"fault,omitempty"` // why the stages leave it out
}

func listChannels(ctx context.Context, c *cli.Command) error {
	topics := command.Topics(c)
	found, err := kafka.Find(ctx, c.StringSlice("brokers"), topics)
	if err != nil {
		return err
	}
	list := []listed{}
	for _, channel := range slices.Sorted(slices.Values(slices.Concat(found.Usable, slices.Collect(maps.Keys(found.Faults))))) {
		l := listed{Channel: channel, Submissions: topics.Submissions(channel), Decisions: topics.Decisions(channel), Partitions: found.Partitions}
		if fault := found.Faults[channel]; fault != nil {
			l.Fault = fault.Error()
		}
		list = append(list, l)
	}
	out := c.Root().Writer
	if c.Bool("json") {
		err = text.WriteJSON(out, map[string]any{"channels": list})
	} else {
		for _, l := range list {
			fmt.Fprintf(out, "%-32s  %s  %s\n", l.Channel, l.Submissions, l.Decisions)
			if l.Fault != "" {
				fmt.Fprintf(out, "%-32s  LEFT OUT: %s\n", "", l.Fault)
			}
		}
	}
	if err == nil && len(found.Faults) > 0 {
		err = cli.Exit("the stages leave channels out", command.ExitFailed)
	}
	return err
}

// parseChannels reads the names of channels.
func parseChannels(names []string) ([]schema.Channel, error) {
	var channels []schema.Channel
	for _, name := range names {
		channel, err := schema.ParseChannel(name)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		channels = append(channels, channel)
	}
	return channels, nil
}

func channelNames(channels []schema.Channel) string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}

// partitionsFlag and replicationFlag are of the commands that create topics.
func partitionsFlag() cli.Flag {
	return &cli.IntFlag{Name: "partitions", Usage: "`NUMBER` of partitions of a new topic: the most workers that can share a channel", DefaultText: fmt.Sprintf("as the topics that exist, else %d", schema.DefaultPartitions), Sources: command.Env("partitions"), Category: command.FlagsStores}
}

func replicationFlag() cli.Flag {
	return &cli.IntFlag{Name: "replication", Usage: "`NUMBER` of replicas of a new topic; 3 where there are three brokers", DefaultText: "as the topics that exist, else 1", Sources: command.Env("replication"), Category: command.FlagsStores}
}

// positiveTopics refuses what would be taken for the default.
func positiveTopics(c *cli.Command) error {
	for _, flag := range []string{"partitions", "replication"} {
		if c.IsSet(flag) && c.Int(flag) < 1 {
			return fmt.Errorf("--%s: at least 1", flag)
		}
	}
	return nil
}

// topicsConfig is that of the topics of channels.
func topicsConfig(c *cli.Command, channels []schema.Channel) kafka.Config {
	return kafka.Config{
		Brokers: c.StringSlice("brokers"), Topics: command.Topics(c), Channels: channels,
		Partitions: c.Int("partitions"), Replication: c.Int("replication"),
	}
}
