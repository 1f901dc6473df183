package command

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/producers"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// Env names the variable that stands in for a flag.
func Env(flag string) cli.ValueSourceChain {
	return cli.EnvVars("TAJDEED_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")))
}

// The headings of a command's flags.
const (
	FlagsStores = "Where the stores are"
	FlagsOps    = "For operations"
	FlagsPolicy = "By which rules"
)

// BrokerFlags say where Kafka is and what the topics are called.
func BrokerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "brokers", Usage: "Kafka brokers, `HOST:PORT`, several with commas between", Value: []string{"127.0.0.1:9092"}, Sources: Env("brokers"), Category: FlagsStores},
		&cli.StringFlag{Name: "topics", Usage: "`PREFIX` of the topics' names: PREFIX.submissions.CHANNEL and so on", Value: schema.DefaultPrefix, Sources: Env("topics"), Category: FlagsStores},
	}
}

// PolicyFlag says by which policies applications are decided.
func PolicyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "`DIRECTORY` of the policies, instead of those built in", Sources: Env("policy"), Category: FlagsPolicy}
}

// Policies are those that PolicyFlag names. Where something is wrong with them, the command ends
// with [ExitRefused] before it does anything.
func Policies(c *cli.Command) (*policy.Set, error) {
	load := policy.Embedded
	if directory := c.String("policy"); directory != "" {
		load = func() (*policy.Set, error) { return policy.Load(os.DirFS(directory)) }
	}
	set, err := load()
	if err != nil {
		return nil, cli.Exit(err.Error(), ExitRefused)
	}
	return set, nil
}

// Topics are those that BrokerFlags name.
func Topics(c *cli.Command) schema.Topics { return schema.Topics{Prefix: c.String("topics")} }

// PublisherConfig is that of a publisher to the brokers that BrokerFlags name.
func PublisherConfig(c *cli.Command) producers.Config {
	return producers.Config{Brokers: c.StringSlice("brokers"), ClientID: ClientID(c)}
}

// ClientID is the name under which brokers and databases see a process.
func ClientID(c *cli.Command) string { return "tajdeed-" + c.Name }

// The ports of the pages for operations: each kind of process has its own, so that all can
// run on one machine.
const (
	PortRenewals  = 9464
	PortAnalytics = 9465
	PortSimulate  = 9466
	PortUp        = 9467
)

// ListenFlag says where the pages for operations are served.
func ListenFlag(port int) cli.Flag {
	return &cli.StringFlag{Name: "listen", Usage: "serve /metrics, /livez, /readyz and /debug/pprof on `ADDRESS`; port 0 takes a free one, empty serves nothing", Value: fmt.Sprintf("127.0.0.1:%d", port), Sources: Env("listen"), Category: FlagsOps}
}

// WaitFlag says how long a process waits for its stores when it starts.
func WaitFlag() cli.Flag {
	return &cli.DurationFlag{Name: "wait", Usage: "longest `TIME` to wait at the start for stores that don't answer yet", Value: 30 * time.Second, Sources: Env("wait"), Category: FlagsOps}
}
