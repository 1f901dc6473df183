package policy_test

import (
	"fmt"
	"log"
	"strings"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// What a year of an employee's residency costs before and after Resolution 2249/2025.
func Example() {
	policies, err := policy.Embedded()
	if err != nil {
		log.Fatal(err)
	}
	employee := policy.Case{Article: 18, SponsorKind: schema.SponsorCompany, Relation: schema.RelationEmployee}
	for _, written := range []string{"2025-12-22", "2025-12-23"} {
		day, err := schema.ParseDate(written)
		if err != nil {
			log.Fatal(err)
		}
		rules, inForce := policies.On(day)
		if !inForce {
			log.Fatalf("no policy is in force on %s", day)
		}
		price, known := rules.Fee(employee, 12)
		resolution, _, _ := strings.Cut(rules.Version, "@")
		fmt.Println(day, resolution, price, known, rules.MaxMonths(18), "months at most")
	}
	// Output:
	// 2025-12-22 114-2024 KWD 10.000 true 60 months at most
	// 2025-12-23 2249-2025 KWD 20.000 true 60 months at most
}
