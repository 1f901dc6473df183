package submit_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers/simulate"
	"tajdeed/producers/submit"
	"tajdeed/schema"
)

// printer is a publisher that stores nothing.
type printer struct{}

func (printer) Publish(_ context.Context, messages []kafka.Message) error {
	fmt.Println(len(messages), "messages for", messages[0].Topic)
	return nil
}

// applications returns two lines, of which the second is no application.
func applications() io.Reader {
	s, err := simulate.New(simulate.Config{Seed: 1, Residents: 1_000, Rejected: -1, Duplicates: -1, Conflicts: -1, Reused: -1, Unreadable: -1})
	if err != nil {
		return strings.NewReader("")
	}
	m, _ := s.Next()
	return strings.NewReader(string(m.Value) + "\n{}\n")
}

// Good lines are published though others are refused, where the caller wants that.
func Example() {
	batch, err := submit.Read(applications())
	if err != nil {
		fmt.Println(err)
		return
	}
	topics := schema.Topics{Prefix: schema.DefaultPrefix}
	report := submit.Report{Topic: topics.Submissions("counter"), Refused: batch.Refused}
	report.ApplicationIDs, err = submit.Publish(context.Background(), printer{}, report.Topic, batch.Good, nil)
	if err != nil {
		fmt.Println(err)
	}
	if err := report.WriteJSON(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1 messages for tajdeed.submissions.counter
	// {"topic":"tajdeed.submissions.counter","published":["019ad841-9872-7ba5-bfc8-46100bfc1e42"],"refused":[{"line":2,"field":"application_id","rule":"missing_field","detail":"required"}]}
}
