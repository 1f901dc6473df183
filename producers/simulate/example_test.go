package simulate_test

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// A simulation makes messages and knows what is expected of each.
func Example() {
	s, err := simulate.New(simulate.Config{Seed: 1, Residents: 1_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		m, _ := s.Next()
		fmt.Println(m.At.In(schema.Kuwait).Format("2 January 2006, 15:04"), "article", m.Expect.Article, m.Expect.Outcome, m.Expect.NewExpiry)
	}
	counts := s.Manifest().Counts
	fmt.Println(counts.Messages, "messages,", counts.Decisions(schema.DispositionFirst, schema.OutcomeApproved), "to be approved")
	// Output:
	// 1 December 2025, 00:40 article 18 approved 2027-12-11
	// 2 December 2025, 09:48 article 18 approved 2028-01-21
	// 2 December 2025, 11:19 article 18 approved 2026-12-16
	// 3 messages, 3 to be approved
}

// printer is a publisher that stores nothing.
type printer struct{}

func (printer) Publish(_ context.Context, topic string, messages []kafka.Message) error {
	fmt.Println(len(messages), "messages for", topic)
	return nil
}

// A feed publishes a simulation; a second run goes on where the first one ended.
func ExampleFeed() {
	config := simulate.Config{Seed: 1, Residents: 1_000}
	first, err := simulate.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	published := 0
	feed := simulate.Feed{
		Simulation: first, Publisher: printer{}, Topic: "tajdeed.submissions", Total: 250,
		Published: func(n int) { published += n },
	}
	if err := feed.Run(context.Background()); err != nil {
		fmt.Println(err)
	}

	second, err := simulate.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := second.Skip(context.Background(), int64(published)); err != nil {
		fmt.Println(err)
	}
	fmt.Println("the second run begins behind", second.Manifest().Counts.Messages)
	// Output:
	// 250 messages for tajdeed.submissions
	// the second run begins behind 250
}
