package demo_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"tajdeed/deploy/demo"
	"tajdeed/deploy/local"
	"tajdeed/schema"
)

// A tenth of a year. The program calls ChildMain first, because the servers' supervisors
// are copies of it.
func ExampleOnce() { //nolint:testableexamples // it starts servers, in the data folder of whoever runs the tests
	if local.ChildMain(os.Args) {
		return
	}
	report, err := demo.Once(context.Background(), demo.Config{Partitions: 4, Applications: 45_000})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Result.Balanced, report.Text())
}

func ExampleResult_WriteJSON() {
	result := demo.Result{
		Published: 3, Consumed: 3, Outcomes: demo.Outcomes{Approved: 2, Rejected: 1}, Answers: 3, ClickHouseRows: 3,
		Channels: map[schema.Channel]*demo.ChannelResult{"counter": {Published: 3, Answers: 3, Outcomes: demo.Outcomes{Approved: 2, Rejected: 1}}},
		Balanced: true, Seconds: 0.5, PerSecond: 6,
	}
	if err := result.WriteJSON(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {
	//   "published": 3,
	//   "consumed": 3,
	//   "approved": 2,
	//   "rejected": 1,
	//   "duplicates": 0,
	//   "conflicts": 0,
	//   "quarantined": 0,
	//   "answers": 3,
	//   "clickhouse_rows": 3,
	//   "channels": {
	//     "counter": {
	//       "published": 3,
	//       "answers": 3,
	//       "approved": 2,
	//       "rejected": 1,
	//       "duplicates": 0,
	//       "conflicts": 0,
	//       "quarantined": 0
	//     }
	//   },
	//   "balanced": true,
	//   "seconds": 0.5,
	//   "per_second": 6,
	//   "latency_ms": {
	//     "p50": 0,
	//     "p99": 0
	//   }
	// }
}
