package postgres_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema/postgres/postgrestest"
)

// row is the SQL of a row's values by their columns.
type row map[string]string

// validRows are one row for each table that its constraints accept, also for tables that
// only older schemas have.
var validRows = map[string]row{
	"sponsor":         {"sponsor_id": "123456789", "kind": "'company'"},
	"resident":        {"civil_id": "285010112341", "passport_number": "'Z1'", "passport_country": "'IND'", "passport_expires_on": "'2031-05-01'"},
	"residency":       {"civil_id": "285010112341", "article": "18", "sponsor_id": "123456789", "relation": "'employee'", "expires_on": "'2026-12-01'"},
	"register_import": {"digest": "sha256('x')", "sponsors": "1", "residents": "1", "residencies": "1", "skipped": "0"},
	"position":        {"topic": "'t'", "partition": "0", "first_offset": "5", "published_offset": "6", "next_offset": "7"},
	"batch":           {"topic": "'t'", "partition": "0", "from_offset": "5", "to_offset": "7", "policy": "'p'"},
	"quarantined": {"topic": "'t'", "partition": "0", `"offset"`: "5", "rule": "'r'", "field": "'f'", "detail": "'d'",
		"header_keys": "'{a,b}'", "header_values": "ARRAY['1', '2']::bytea[]", "received_at": "now()"},
	"application": {"application_id": "gen_random_uuid()", "civil_id": "285010112341", "kind": "'renewal'", "article": "18",
		"sponsor_id": "123456789", "months": "12", "passport_number": "'Z1'", "passport_country": "'IND'",
		"passport_expires_on": "'2031-05-01'", "channel": "'counter'", "submitted_by": "'desk-2'", "submitted_at": "now()",
		"fee_receipt": "'R1'", "fee_paid_fils": "20000", "fee_paid_at": "now()",
		"insurance_policy": "'H1'", "insurance_from": "'2026-12-02'", "insurance_to": "'2027-12-01'",
		"digest": "sha256('x')", "topic": "'t'", "partition": "0", `"offset"`: "5"},
	"installation": {"is_one": "true", "simulated": "false"},
	"decision": {"topic": "'t'", "partition": "0", `"offset"`: "5", "application_id": "gen_random_uuid()",
		"disposition": "'first'", "outcome": "'approved'", "reasons": "'{}'", "policy": "'p'", "civil_id": "285010112341",
		"kind": "'renewal'", "article": "18", "sponsor_id": "123456789", "months": "12",
		"fee_due_fils": "20000", "fee_paid_fils": "20000", "old_expiry": "'2026-12-01'", "new_expiry": "'2027-12-01'",
		"submitted_at": "now()", "received_at": "now()", "decided_at": "now()",
		"digest": "sha256('x')", "passport_number": "'Z1'", "passport_country": "'IND'", "passport_expires_on": "'2031-05-01'",
		"submitted_by": "'desk-2'", "fee_receipt": "'R1'", "fee_paid_at": "now()",
		"insurance_policy": "'H1'", "insurance_from": "'2026-12-02'", "insurance_to": "'2027-12-01'"},
}

// residing returns the row of a resident with a residency, with some values changed.
func residing(differs row) row { return with(validRows["residency"], differs) }

// with returns the row with some values changed.
func with(r, differs row) row {
	r = maps.Clone(r)
	maps.Copy(r, differs)
	return r
}

// The SQLSTATEs with which a constraint refuses a row.
const (
	checkViolation      = "23514"
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
)

// refusals are rows that a constraint refuses: which values differ from the valid row's.
var refusals = []struct {
	name, table string
	differs     row
	constraint  string
	code        string
}{
	{"an id of eight digits", "sponsor", row{"sponsor_id": "99999999"}, "sponsor_id_has_nine_digits", checkViolation},
	{"an id of ten digits", "sponsor", row{"sponsor_id": "1000000000"}, "sponsor_id_has_nine_digits", checkViolation},
	{"an unknown kind", "sponsor", row{"kind": "'cousin'"}, "sponsor_kind_is_known", checkViolation},
	{"the same sponsor again", "sponsor", row{}, "sponsor_pkey", uniqueViolation},

	{"a Civil ID of another century", "resident", row{"civil_id": "185010112341"}, "civil_id_has_twelve_digits", checkViolation},
	{"a Civil ID of thirteen digits", "resident", row{"civil_id": "2850101123410"}, "civil_id_has_twelve_digits", checkViolation},
	{"the same resident again", "resident", row{}, "resident_pkey", uniqueViolation},

	{"half a residency", "resident", row{"article": "18"}, "residency_is_whole", checkViolation},
	{"a residency without an end", "resident", residing(row{"expires_on": "NULL"}), "residency_is_whole", checkViolation},
	{"nobody as sponsor", "resident", residing(row{"civil_id": "285010112342", "sponsor_id": "123456780"}), "resident_sponsor_id_fkey", foreignKeyViolation},
	{"an unknown relation", "resident", residing(row{"relation": "'friend'"}), "relation_is_known", checkViolation},

	{"a digest cut short", "register_import", row{"digest": "'x'"}, "digest_is_sha256", checkViolation},
	{"the same extract again", "register_import", row{}, "register_import_pkey", uniqueViolation},

	{"announced before it was decided", "position", row{"published_offset": "8"}, "published_follows", checkViolation},
	{"announced before the beginning", "position", row{"published_offset": "4"}, "begins_before", checkViolation},
	{"a second installation", "installation", row{}, "installation_pkey", uniqueViolation},
	{"an installation of another kind", "installation", row{"is_one": "false"}, "installation_is_one", checkViolation},

	{"a second position", "position", row{}, "position_pkey", uniqueViolation},

	{"an empty batch", "batch", row{"to_offset": "5"}, "batch_is_not_empty", checkViolation},
	{"a batch that runs backwards", "batch", row{"to_offset": "4"}, "batch_is_not_empty", checkViolation},
	{"a place in the order that is in use", "batch", row{"sequence": "1"}, "batch_pkey", uniqueViolation},

	{"a header without a value", "quarantined", row{"header_keys": "'{a,b,c}'"}, "headers_are_pairs", checkViolation},
	{"a message put aside twice", "quarantined", row{}, "quarantined_pkey", uniqueViolation},

	{"an unknown disposition", "decision", row{"disposition": "'third'"}, "disposition_is_known", checkViolation},
	{"an unknown outcome", "decision", row{"outcome": "'perhaps'", "new_expiry": "NULL"}, "outcome_is_known", checkViolation},
	{"a rejection without a reason", "decision", row{"outcome": "'rejected'", "new_expiry": "NULL"}, "rejection_has_reasons", checkViolation},
	{"an approval with a reason", "decision", row{"reasons": "'{fee_mismatch}'"}, "rejection_has_reasons", checkViolation},
	{"an approval without an expiry", "decision", row{"new_expiry": "NULL"}, "approval_has_expiry", checkViolation},
	{"a rejection with an expiry", "decision", row{"outcome": "'rejected'", "reasons": "'{fee_mismatch}'"}, "approval_has_expiry", checkViolation},
	{"a message decided twice", "decision", row{}, "decision_pkey", uniqueViolation},
	{"a digest cut short", "decision", row{"digest": "'x'"}, "digest_is_sha256", checkViolation},
	{"a payment without a receipt", "decision", row{"fee_receipt": "NULL"}, "payment_is_whole", checkViolation},
	{"a receipt without a payment", "decision", row{"fee_paid_at": "NULL"}, "payment_is_whole", checkViolation},
	{"a cover without an end", "decision", row{"insurance_to": "NULL"}, "cover_is_whole", checkViolation},
	{"a cover without a policy", "decision", row{"insurance_policy": "NULL"}, "cover_is_whole", checkViolation},
	{"a first message without a passport", "decision", row{"passport_number": "NULL"}, "first_is_whole", checkViolation},
	{"a repeat with what it said", "decision", row{"disposition": "'resend'"}, "first_is_whole", checkViolation},
	{"a repeat with a payment", "decision", row{"disposition": "'resend'", "digest": "NULL", "passport_number": "NULL", "passport_country": "NULL",
		"passport_expires_on": "NULL", "submitted_by": "NULL", "insurance_policy": "NULL", "insurance_from": "NULL", "insurance_to": "NULL"}, "first_is_whole", checkViolation},
	{"an id that is in use", "decision", row{`"offset"`: "6", "application_id": "(SELECT application_id FROM decision)", "fee_receipt": "'R2'"}, "decision_first", uniqueViolation},
	{"a receipt that is spent", "decision", row{`"offset"`: "6"}, "decision_receipt", uniqueViolation},
}

func TestConstraintsRefuse(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	for _, table := range tables(t, db) {
		if table != "installation" { // which has its one row
			exec(t, db, insertValid(table))
		}
	}
	for _, test := range refusals {
		t.Run(test.table+"/"+strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			_, err := db.Exec(t.Context(), insert(test.table, test.differs))
			var refused *pgconn.PgError
			if !errors.As(err, &refused) {
				t.Fatalf("let in: %v", err)
			}
			if refused.Code != test.code || refused.ConstraintName != test.constraint {
				t.Errorf("refused by %s (%s), want %s (%s)", refused.ConstraintName, refused.Code, test.constraint, test.code)
			}
		})
	}
}

// To delete a residency from its view would delete the resident, and an application its
// decision.
func TestNoRowIsChangedThroughAViewOfAPart(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	exec(t, db, insertValid("sponsor"))
	exec(t, db, insert("resident", residing(nil)))
	exec(t, db, insertValid("decision"))
	for _, statement := range []string{
		`DELETE FROM residency`, `DELETE FROM application`, `UPDATE application SET months = 24`, insertValid("application"),
	} {
		_, err := db.Exec(t.Context(), statement)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "0A000" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if residencies, applications := count(t, db, "residency"), count(t, db, "application"); residencies != 1 || applications != 1 {
		t.Errorf("%d residencies and %d applications are left", residencies, applications)
	}
}

// TestEveryConstraintIsTried fails for a constraint that no case tries.
func TestEveryConstraintIsTried(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, test := range refusals {
		tried[test.table+"."+test.constraint] = true
	}
	for _, constraint := range selectNames(t, postgrestest.New(t), `
		SELECT relname || '.' || conname
		FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
		WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'p', 'u', 'f')
		  AND relname <> 'schema_migration'`) {
		if !tried[constraint] {
			t.Errorf("no row tries %s", constraint)
		}
	}
}

// insertValid inserts the valid row of a table.
func insertValid(table string) string { return insert(table, nil) }

// insert inserts a row that differs from the valid one of its table.
func insert(table string, differs row) string {
	return insertRow(table, with(validRows[table], differs))
}

func insertRow(table string, values row) string {
	columns := slices.Sorted(maps.Keys(values))
	list := make([]string, len(columns))
	for i, column := range columns {
		list[i] = values[column]
	}
	return fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)",
		table, strings.Join(columns, ", "), strings.Join(list, ", "))
}

// tables returns the tables in the order of their creation, those that are referred to
// first.
func tables(t *testing.T, db *pgxpool.Pool) []string {
	t.Helper()
	return selectNames(t, db, `SELECT relname FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_migration' ORDER BY oid`)
}

func selectNames(t *testing.T, db *pgxpool.Pool, query string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func count(t *testing.T, db *pgxpool.Pool, table string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func exec(t *testing.T, db *pgxpool.Pool, statement string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
