package local_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"tajdeed/deploy/local"
)

// The three servers, and two worker processes beside them. A program does this in main.
func Example() { //nolint:testableexamples // it starts servers, in the data folder of whoever runs the tests
	if local.ChildMain(os.Args) { // before anything else
		return
	}
	config := local.Config{
		Broker:   local.BrokerKfake,
		Progress: func(step string) { fmt.Println(step) },
	}
	err := local.With(context.Background(), config, func(servers *local.Servers) error {
		at := servers.Endpoints()
		fmt.Println(at.Postgres, at.ClickHouse, at.Brokers, servers.Versions())

		workers := local.NewWorkers(local.WorkersConfig{
			Program: "bin/tajdeed",
			Args:    map[string][]string{"renewals": {"--postgres", at.Postgres, "--brokers", strings.Join(at.Brokers, ",")}},
			Logs:    os.TempDir(),
		})
		for range 2 {
			if err := workers.Start("renewals"); err != nil {
				return errors.Join(err, workers.Close())
			}
		}
		local.Pause(context.Background(), time.Minute)
		return workers.Close()
	})
	if err != nil {
		log.Fatal(err)
	}
}

func ExamplePatience_Await() {
	rows := int64(0)
	err := local.Patience{Every: time.Millisecond, Still: time.Minute}.Await(context.Background(), "the rows",
		func() (figure int64, done bool, err error) {
			rows++ // as a query would find them
			return rows, rows >= 3, nil
		})
	fmt.Println(rows, err)
	// Output: 3 <nil>
}
