package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/dashboards/installationtest"
	"tajdeed/producers/simulate"
	"tajdeed/schema/postgres/postgrestest"
)

// The same log gives the same record, row for row, however it is cut into batches,
// in whatever order the partitions take their turns, and wherever workers died.
func TestSameLogSameRecord(t *testing.T) {
	t.Parallel()
	const messages = 2000
	s := newStores(t)
	simulation, err := simulate.New(simulate.Config{Seed: 11, Residents: messages, Conflicts: 0.05, Duplicates: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := simulation.WriteExtract(dir); err != nil {
		t.Fatal(err)
	}
	s.Publish(simulation, messages)
	variants := []struct {
		name    string
		workers []string // arguments of each worker
		kills   int
	}{
		{"batches of 500", []string{"--batch-messages 500"}, 0},
		{"batches of 1", []string{"--batch-messages 1"}, 0},
		{"batches of 7, killed three times", []string{"--batch-messages 7"}, 3},
		{"batches of 5000, one at a time", []string{"--batch-messages 5000 --concurrency 1"}, 0},
		{"two workers that cut differently", []string{"--batch-messages 33", "--batch-messages 250"}, 1},
	}
	records := make([]map[string]string, len(variants))
	t.Run("runs", func(t *testing.T) {
		for i, v := range variants {
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				records[i] = s.variant(t, fmt.Sprintf("%s-%d", s.Topics.Prefix, i), dir, messages, v.workers, v.kills)
			})
		}
	})
	for i, v := range variants[1:] {
		compareMaps(t, "table of "+v.name, records[i+1], records[0])
	}
}

// variant runs workers on the same topic into a record of their own, and returns the
// record's digests.
func (s *stores) variant(t *testing.T, group, dir string, messages int, workers []string, kills int) map[string]string {
	t.Helper()
	own := stores{installationtest.OnTopicsOf(t, s.Installation, postgrestest.URL(t))}
	own.Import(dir)
	for kill := range kills {
		for _, args := range workers {
			worker := own.renewals(append(strings.Fields(args), "--group", group)...)
			own.Consumed((kill + 1) * messages / (kills + 2))
			worker.Signal(syscall.SIGKILL)
		}
	}
	for _, args := range workers {
		own.renewals(append(strings.Fields(args), "--group", group)...)
	}
	own.Consumed(messages)
	return digests(t, own.Postgres)
}

// digests are of every table of the record, without what clocks observed and without
// the batches themselves.
func digests(t *testing.T, db *pgxpool.Pool) map[string]string {
	t.Helper()
	out := map[string]string{}
	for table, rows := range map[string]string{
		"application": `SELECT to_jsonb(a) - 'decided_at' AS r, application_id::text AS k FROM application a`,
		"decision":    `SELECT to_jsonb(d) - 'decided_at' AS r, concat_ws(' ', topic, partition, "offset") AS k FROM decision d`,
		"residency":   `SELECT to_jsonb(y) AS r, civil_id::text AS k FROM residency y`,
		"quarantined": `SELECT to_jsonb(q) - 'quarantined_at' AS r, concat_ws(' ', topic, partition, "offset") AS k FROM quarantined q`,
		"position":    `SELECT jsonb_build_array(topic, partition, next_offset, first_offset, skipped) AS r, concat_ws(' ', topic, partition) AS k FROM position`,
	} {
		var n int64
		var digest string
		err := db.QueryRow(t.Context(), `SELECT count(*), md5(string_agg(r::text, E'\n' ORDER BY k)) FROM (`+rows+`) AS t`).Scan(&n, &digest)
		if err != nil {
			t.Fatalf("digest of %s: %v", table, err)
		}
		out[table] = fmt.Sprintf("%d rows, %s", n, digest)
	}
	return out
}
