package dashboards_test

import (
	"fmt"
	"log"
	"strings"

	"tajdeed/dashboards"
)

func ExampleWriteMetrics() {
	var page strings.Builder
	if err := dashboards.WriteMetrics(&page); err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(page.String()) {
		if strings.HasPrefix(line, "#") {
			fmt.Print(line)
		}
	}
	// Output:
	// # Metrics
	// ## publisher
	// ## renewals
	// ## analytics
}
