package policies_test

import (
	"fmt"
	"log"

	"tajdeed/dashboards/policies"
	"tajdeed/schema/policy"
)

// What Resolution 2249/2025 asks of a self-sponsored resident, and what was asked before.
func ExampleCompare() {
	set, err := policy.Embedded()
	if err != nil {
		log.Fatal(err)
	}
	before, err := policies.Find(set, "2025-12-22")
	if err != nil {
		log.Fatal(err)
	}
	after, err := policies.Find(set, "2025-12-23")
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range policies.Compare(before, after).Comparisons[0].Changes {
		if change.Rule == "FEE-24" {
			fmt.Println(change.Change, change.Path, change.Old, change.New)
		}
	}
	// Output:
	// changed fees[article=24].fils_per_year 10000 500000
}
