package process_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/signal"
	"syscall"
	"time"

	"tajdeed/consumers/renewals"
	"tajdeed/deploy/process"
	"tajdeed/schema"
)

// A worker of the stage renewals, until SIGTERM.
func ExampleRenewals() { //nolint:testableexamples // it runs until it is told to stop, and needs stores
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	engine := renewals.DefaultConfig()
	engine.Brokers, engine.ClientID = []string{"127.0.0.1:9092"}, "tajdeed-renewals"
	err := process.Renewals(ctx, process.Config{
		Engine: engine, Topics: schema.Topics{Prefix: schema.DefaultPrefix},
		PostgresURL: "postgres://127.0.0.1/tajdeed", Listen: ":9101", Wait: 30 * time.Second,
	})
	if err != nil {
		log.Print(err)
	}
}

// Work of another kind, with the same pages for operations.
func ExampleProcess_Serve() {
	p := process.Process{
		Listen: "127.0.0.1:0", Registry: process.NewRegistry(),
		Ready: func() error { return errors.New("still reading") },
		Run: func(context.Context) error {
			fmt.Println("working")
			return nil
		},
	}
	fmt.Println(p.Serve(context.Background()))
	// Output:
	// working
	// <nil>
}
