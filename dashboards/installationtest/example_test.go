package installationtest_test

import (
	"testing"

	"tajdeed/dashboards/installationtest"
)

// A test that has both stages work off 1,000 messages.
func Example() { //nolint:testableexamples // it runs on servers, inside a test
	t := new(testing.T) // a test has its own

	i := installationtest.New(t)
	simulation := i.Populate(1000) // residents, whose register is imported
	i.Renewals()
	i.Analytics()
	i.Publish(simulation, 1000)
	i.Drained(1000)

	var rows uint64
	if err := i.ClickHouse.QueryRow(t.Context(), `SELECT count() FROM decision`).Scan(&rows); err != nil || rows == 0 {
		t.Errorf("%d decisions in ClickHouse (%v)", rows, err)
	}
}
