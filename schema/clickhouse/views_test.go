package clickhouse_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema/clickhouse/clickhousetest"
)

func TestViewsCountByHand(t *testing.T) {
	t.Parallel()
	db := clickhousetest.New(t)
	execFile(t, db, "testdata/decisions.sql")
	for _, test := range []struct {
		view string
		want []string
	}{
		{"throughput_by_hour", []string{ // messages, first, resend, conflict, approved, rejected
			"('2024-11-03 23:00:00',1,1,0,0,1,0)",
			"('2024-11-04 00:00:00',4,2,1,1,1,1)",
			"('2024-11-04 10:00:00',3,2,1,0,1,1)",
		}},
		{"throughput_by_day", []string{
			"('2024-11-03',1,1,0,0,1,0)",
			"('2024-11-04',7,4,2,1,2,2)",
		}},
		{"article_channel_outcome_by_hour", []string{ // first, resend, conflict, fees_fils
			"('2024-11-03 23:00:00',18,'mobile_app','approved',1,0,0,20000)",
			"('2024-11-04 00:00:00',18,'mobile_app','approved',1,0,0,20000)",
			"('2024-11-04 00:00:00',18,'mobile_app','rejected',1,1,0,0)",
			"('2024-11-04 00:00:00',22,'counter','rejected',0,0,1,0)",
			"('2024-11-04 10:00:00',20,'counter','approved',1,1,0,10000)",
			"('2024-11-04 10:00:00',20,'counter','rejected',1,0,0,0)",
		}},
		{"rejection_reason_by_hour", []string{ // first, resend, conflict
			"('2024-11-04 00:00:00',18,'mobile_app','fee_mismatch',1,1,0)",
			"('2024-11-04 00:00:00',18,'mobile_app','insurance_short',1,1,0)",
			"('2024-11-04 00:00:00',22,'counter','application_conflict',0,0,1)",
			"('2024-11-04 10:00:00',20,'counter','fee_mismatch',1,0,0)",
		}},
		{"decision_latency", []string{
			"('2024-11-03 23:00:00','first',10,500,510)",
			"('2024-11-04 00:00:00','conflict',50,900,950)",
			"('2024-11-04 00:00:00','first',20,600,620)",
			"('2024-11-04 00:00:00','first',30,700,730)",
			"('2024-11-04 00:00:00','resend',40,800,840)",
			"('2024-11-04 10:00:00','first',1000,100,1100)",
			"('2024-11-04 10:00:00','first',5,100,105)",
			"('2024-11-04 10:00:00','resend',5,100,105)",
		}},
		{"latency_by_hour", []string{ // messages, p50, p90, p99, max
			"('2024-11-03 23:00:00','decided_to_queryable',1,500,500,500,500)",
			"('2024-11-03 23:00:00','received_to_decided',1,10,10,10,10)",
			"('2024-11-03 23:00:00','received_to_queryable',1,510,510,510,510)",
			"('2024-11-04 00:00:00','decided_to_queryable',4,800,900,900,900)",
			"('2024-11-04 00:00:00','received_to_decided',4,40,50,50,50)",
			"('2024-11-04 00:00:00','received_to_queryable',4,840,950,950,950)",
			"('2024-11-04 10:00:00','decided_to_queryable',3,100,100,100,100)",
			"('2024-11-04 10:00:00','received_to_decided',3,5,1000,1000,1000)",
			"('2024-11-04 10:00:00','received_to_queryable',3,105,1100,1100,1100)",
		}},
		{"pace", []string{ // seconds, applications, target, share
			"('day',86400,0,1232.876712328767,0)",
			"('hour',3600,0,51.36986301369863,0)",
			"('year',31536000,0,450000,0)",
		}},
	} {
		t.Run(test.view, func(t *testing.T) {
			t.Parallel()
			got := selectRows(t, db, `SELECT toString(tuple(*)) AS row FROM `+test.view+` ORDER BY row`)
			if !slices.Equal(got, test.want) {
				t.Errorf("rows:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestPaceCountsBackFromNow uses times well inside the spans, because the clock runs on.
func TestPaceCountsBackFromNow(t *testing.T) {
	t.Parallel()
	db := clickhousetest.New(t)
	exec(t, db, `INSERT INTO decision (cause_offset, disposition, outcome, decided_at)
		SELECT number, disposition, 'approved', now64(6) - toIntervalMinute(minutes) FROM numbers(1)
		ARRAY JOIN
			['first', 'resend', 'conflict', 'first', 'first', 'first',        'first',         'first'] AS disposition,
			[30,      30,       30,         55,      65,      60 * 24 - 5,    60 * 24 * 364,   60 * 24 * 366] AS minutes,
			range(8) AS number`)
	got := selectRows(t, db, `SELECT toString(tuple(span, applications, round(share, 6))) FROM pace ORDER BY seconds`)
	want := []string{"('hour',2,0.038933)", "('day',4,0.003244)", "('year',5,0.000011)"}
	if !slices.Equal(got, want) {
		t.Errorf("pace: %q, want %q", got, want)
	}
}

// TestViewsExplainThemselves checks what analysts are told of the views.
func TestViewsExplainThemselves(t *testing.T) {
	t.Parallel()
	db := clickhousetest.New(t)
	if silent := selectRows(t, db, `SELECT name FROM system.tables
		WHERE database = currentDatabase() AND engine = 'View' AND comment = ''`); len(silent) > 0 {
		t.Errorf("views without a comment: %q", silent)
	}
	if final := selectRows(t, db, `SELECT name FROM system.tables
		WHERE database = currentDatabase() AND engine = 'View' AND match(create_table_query, '\\bFINAL\\b')`); len(final) > 0 {
		t.Errorf("views that need FINAL: %q", final)
	}
	private := selectRows(t, db, `SELECT concat(table, '.', name) FROM system.columns
		WHERE database = currentDatabase() AND match(name, 'civil|passport|name$|submitted_by|receipt')`)
	if len(private) > 0 {
		t.Errorf("columns with personal data: %q", private)
	}
}

func execFile(t *testing.T, db driver.Conn, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, string(text))
}

func exec(t *testing.T, db driver.Conn, statement string) {
	t.Helper()
	if err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// selectRows returns the rows of a query that has one column of text.
func selectRows(t *testing.T, db driver.Conn, query string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
