package bench_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"tajdeed/deploy/bench"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
)

// Two figures of a small load. The program calls ChildMain and Main first, because the
// servers' supervisors and the worker processes are copies of it.
func Example() { //nolint:testableexamples // it starts servers, and what it measures differs
	if local.ChildMain(os.Args) || worker.Main(os.Args) {
		return
	}
	result, err := bench.Run(context.Background(), bench.Config{
		Servers: local.Config{Broker: local.BrokerKafka}, Only: []string{"renewals", "ceiling"}, Applications: 20_000, Repeat: 3,
	})
	if err != nil {
		log.Print(err) // the result has the figures before the one that failed
	}
	fmt.Println(result.Text())
}

// A name that is no figure's is refused before any server starts.
func ExampleConfig_Validate() {
	config := bench.Config{Only: []string{"renewals", "speed"}, Applications: bench.FullApplications, Repeat: 1}
	fmt.Println(config.Validate())
	config.Only = []string{"renewals", "growth-workers"}
	fmt.Println(config.Validate())
	// Output:
	// only: there is no figure "speed"
	// <nil>
}
