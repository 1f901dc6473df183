package stats_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"tajdeed/dashboards/stats"
	"tajdeed/schema/clickhouse"
)

// Why applications were rejected in the last week.
func Example() { //nolint:testableexamples // it reads a server
	ctx := context.Background()
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: "clickhouse://localhost:9000/tajdeed"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = db.Close() }()

	now := time.Now()
	report, err := stats.Ask(ctx, db, stats.Question{Since: now.AddDate(0, 0, -7), Until: now, Sections: []string{"reasons"}})
	if err != nil {
		log.Print(err)
		return
	}
	for _, reason := range report.Reasons {
		fmt.Println(reason.Reason, reason.First, reason.English)
	}
	fmt.Print(report.Text()) // the same as a table
}

func ExampleQuestion_Validate() {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	fmt.Println(stats.Question{Since: day, Until: day.AddDate(0, 0, 1), By: "week"}.Validate())
	// Output: by: "week" is neither hour nor day
}
