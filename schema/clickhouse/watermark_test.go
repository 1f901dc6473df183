package clickhouse_test

import (
	"testing"

	"tajdeed/schema/clickhouse/clickhousetest"
)

func TestCompleteUpTo(t *testing.T) {
	t.Parallel()
	const never = "('1970-01-01 03:00:00.000000',"
	for _, test := range []struct {
		name string
		rows []string
		want string
	}{
		{"nothing", nil, never + "0,0)"},
		{"rows, and no stage that has noted the partitions", []string{`decision (log_topic, log_partition, published_at) VALUES ('d', 0, '2026-01-01 10:00:00')`}, never + "0,1)"},
		{"a partition was never read", []string{`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 2, '2027-01-01')`}, never + "2,1)"},
		{"both were read", []string{`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 2, '2027-01-01'), ('d', 1, 0, '2026-01-01 09:00:00', 2, '2027-01-01')`}, "('2026-01-01 09:00:00.000000',2,2)"},
		{"the newest counts", []string{
			`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 1, '2027-01-01')`, `sink_position VALUES ('d', 0, 7, '2026-01-01 11:00:00', 1, '2027-01-01')`,
		}, "('2026-01-01 11:00:00.000000',1,1)"},
		{"a row that is in counts too", []string{
			`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 1, '2027-01-01')`, `decision (log_topic, log_partition, published_at) VALUES ('d', 0, '2026-01-01 10:30:00')`,
		}, "('2026-01-01 10:30:00.000000',1,1)"},
		{"the topic was given another", []string{`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 1, '2027-01-01'), ('d', 1, 0, '2026-01-01 12:00:00', 2, '2027-01-01')`}, "('2026-01-01 10:00:00.000000',2,2)"},
		{"a channel was added, and nobody reads it yet", []string{`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 1, '2027-01-01'), ('d', 0, 6, '2026-01-01 12:00:00', 2, '2027-01-01')`}, never + "2,1)"},
		{"the same partition of two topics", []string{`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 2, '2027-01-01'), ('e', 0, 5, '2026-01-01 09:00:00', 2, '2027-01-01')`}, "('2026-01-01 09:00:00.000000',2,2)"},
		{"nobody has asked for the topics since", []string{`sink_position VALUES ('d', 0, 5, '2026-01-01 10:00:00', 1, '2026-01-01 09:59:58')`}, "('2026-01-01 09:59:58.000000',1,1)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := clickhousetest.New(t)
			for _, rows := range test.rows {
				exec(t, db, `INSERT INTO `+rows)
			}
			got := selectRows(t, db, `SELECT toString(tuple(*)) FROM complete_up_to`)
			if len(got) != 1 || got[0] != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
