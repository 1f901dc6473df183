package postgres_test

import (
	"errors"
	"testing"

	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// An empty record can become a simulation, and stays one; a record that holds anything
// cannot.
func TestSimulate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, table string
		differs     row
		want        error
	}{
		{name: "empty"},
		{name: "positions that no message has moved", table: "position", differs: row{"published_offset": "5", "next_offset": "5"}},
		{name: "a position that was moved", table: "position", want: postgres.ErrNotEmpty},
		{name: "a sponsor", table: "sponsor", want: postgres.ErrNotEmpty},
		{name: "a resident", table: "resident", want: postgres.ErrNotEmpty},
		{name: "an import", table: "register_import", want: postgres.ErrNotEmpty},
		{name: "a decision", table: "decision", want: postgres.ErrNotEmpty},
		{name: "a message in quarantine", table: "quarantined", want: postgres.ErrNotEmpty},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.New(t)
			if test.table != "" {
				exec(t, db, insertRow(test.table, with(validRows[test.table], test.differs)))
			}
			for range 2 { // told again it is left alone, whatever it holds by then
				if err := postgres.Simulate(t.Context(), db); !errors.Is(err, test.want) {
					t.Fatalf("Simulate: %v, want %v", err, test.want)
				}
				is, err := postgres.IsSimulation(t.Context(), db)
				if err != nil || is != (test.want == nil) {
					t.Errorf("it is a simulation: %t, %v", is, err)
				}
				if test.table == "" {
					exec(t, db, insertRow("batch", validRows["batch"]))
				}
			}
		})
	}
}
