package consumers_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"tajdeed/consumers"
)

// printer is a stage that prints messages. It is not exact, since what is printed cannot be
// asked for: another worker would print from the log's start again. A stage whose effects
// lie in Postgres is a [consumers.Stage] on a [consumers.Ledger]; one whose store has no
// transactions keeps a [consumers.Claim].
type printer struct{ printed func() }

func (p printer) Open(_ context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	return p, consumers.Start{Next: a.LogStart}, nil
}

func (p printer) Prepare(b *consumers.Batch) consumers.Work { return printing{p, b} }

func (p printer) Idle(context.Context, time.Time) error { return nil }

type printing struct {
	printer
	batch *consumers.Batch
}

func (p printing) Apply(context.Context) error {
	for _, m := range p.batch.Messages {
		fmt.Printf("%s at %d\n", m.Value, m.Offset)
		p.printed()
	}
	return nil
}

// A stage of a few lines, on a broker in this process.
func Example() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "greetings"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()
	greet(cluster.ListenAddrs(), "salam", "hello")

	left := 2
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stage := printer{printed: func() {
		if left--; left == 0 {
			stop()
		}
	}}
	config := consumers.Config{Brokers: cluster.ListenAddrs(), Group: "printers", Topics: greetings}
	engine, err := consumers.New("printer", config, stage, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stopped:", engine.Run(ctx))
	// Output:
	// salam at 0
	// hello at 1
	// stopped: <nil>
}

// greetings is what the stage reads.
func greetings(context.Context) (map[string]int, error) { return map[string]int{"greetings": 1}, nil }

// greet publishes values to the topic.
func greet(brokers []string, values ...string) {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	writer := kafka.Writer{Addr: kafka.TCP(brokers...), Topic: "greetings", BatchTimeout: time.Millisecond, Transport: transport}
	for _, value := range values {
		if err := writer.WriteMessages(context.Background(), kafka.Message{Value: []byte(value)}); err != nil {
			fmt.Println(err)
		}
	}
	if err := writer.Close(); err != nil {
		fmt.Println(err)
	}
}
