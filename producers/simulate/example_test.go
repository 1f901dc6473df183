package simulate_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

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
		fmt.Println(m.At.In(schema.Kuwait).Format("2 January 2006, 15:04"), "by", m.Channel, m.Expect.Outcome, m.Expect.Reasons.Codes())
	}
	counts := s.Manifest().Counts
	fmt.Println(counts.Messages, "messages,", counts.Decisions(schema.DispositionFirst, schema.OutcomeApproved), "to be approved")
	// Output:
	// 1 December 2025, 00:40 by counter approved []
	// 2 December 2025, 06:36 by company_portal approved []
	// 2 December 2025, 08:02 by company_portal rejected [window_not_open]
	// 3 messages, 2 to be approved
}

// printer is a publisher that stores nothing.
type printer struct{}

func (printer) Publish(_ context.Context, messages []kafka.Message) error {
	topics := map[string]bool{}
	for _, m := range messages {
		topics[m.Topic] = true
	}
	fmt.Println(len(messages), "messages for", slices.Sorted(maps.Keys(topics)))
	return nil
}

// A feed publishes a simulation; a second run goes on where the first one ended.
func ExampleFeed() {
	config := simulate.Config{Seed: 1, Residents: 1_000, Channels: []schema.Channel{"counter", "mobile_app"}}
	first, err := simulate.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	published := 0
	feed := simulate.Feed{
		Simulation: first, Publisher: printer{}, Topics: schema.Topics{Prefix: "tajdeed"}, Total: 250,
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
	// 250 messages for [tajdeed.submissions.counter tajdeed.submissions.mobile_app]
	// the second run begins behind 250
}
