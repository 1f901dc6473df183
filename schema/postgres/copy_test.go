package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tajdeed/schema"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// kinds has a column of each type that [postgres.Copy] writes.
const kinds = `CREATE TEMP TABLE kinds (
	small smallint, whole int, big bigint, word text, id uuid, raw bytea, day date, at timestamptz, words text[])`

const copyKinds = `COPY kinds FROM STDIN (FORMAT binary)`

// COPY stores the same values as SQL does for the same literals.
func TestCopyWritesEveryType(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 15, 9, 30, 1, 250_000_999, schema.Kuwait)
	for _, c := range []struct {
		name string
		row  func(*postgres.Copy)
		want string
	}{
		{"ordinary", func(r *postgres.Copy) {
			r.Int2(18)
			r.Int4(-7)
			r.Int8(299_123_456_789)
			r.Text("تجديد")
			r.Bytes([]byte("0123456789abcdef"))
			r.Bytes([]byte{0, 0xff})
			r.Date(schema.NewDate(2026, time.March, 15))
			r.Time(at)
			r.Texts([]string{"window_not_open", "", `a "quoted", one`})
		}, `(18,-7,299123456789,تجديد,30313233-3435-3637-3839-616263646566,"\\x00ff",2026-03-15,"2026-03-15 06:30:01.25+00","{window_not_open,"""",""a \\""quoted\\"", one""}")`},
		{"the ends", func(r *postgres.Copy) {
			r.Int2(-1 << 15)
			r.Int4(-1 << 31)
			r.Int8(-1 << 63)
			r.Text("")
			r.Bytes(make([]byte, 16))
			r.Bytes(nil)
			r.Date(schema.MinDate)
			r.Time(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))
			r.Texts(nil)
		}, `(-32768,-2147483648,-9223372036854775808,"",00000000-0000-0000-0000-000000000000,"\\x",1900-01-01,"1900-01-01 00:00:00+00",{})`},
		{"nothing", func(r *postgres.Copy) {
			for range 9 {
				r.Null()
			}
		}, `(,,,,,,,,)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var rows postgres.Copy
			rows.Reset()
			for range 2 {
				rows.Row(9)
				c.row(&rows)
			}
			got := copied(t, &rows, 2)
			if want := []string{c.want, c.want}; !slices.Equal(got, want) {
				t.Errorf("in the table are\n%q, want\n%q", got, want)
			}
		})
	}
}

// copied sends rows to the table and reads them as text.
func copied(t *testing.T, rows *postgres.Copy, n int) (lines []string) {
	t.Helper()
	err := inKinds(t, func(tx pgx.Tx) error {
		if err := rows.Send(t.Context(), tx, copyKinds, n); err != nil {
			return err
		}
		found, err := tx.Query(t.Context(), `SELECT kinds::text FROM kinds`)
		if err != nil {
			return err
		}
		lines, err = pgx.CollectRows(found, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func inKinds(t *testing.T, f func(pgx.Tx) error) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), postgrestest.New(t), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), kinds); err != nil {
			return err
		}
		return f(tx)
	})
}

// A row that does not fit the statement is refused, and so is a number of rows that
// differs from what was copied; the connection can be used again.
func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		values int
		rows   int
	}{
		{"a row of another shape", 1, 1},
		{"another number of rows", 9, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var rows postgres.Copy
			rows.Reset()
			rows.Row(c.values)
			for range c.values {
				rows.Null()
			}
			db := postgrestest.New(t)
			err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), kinds); err != nil {
					return err
				}
				return rows.Send(t.Context(), tx, copyKinds, c.rows)
			})
			if err == nil {
				t.Error("was accepted")
			}
			if err := db.Ping(context.WithoutCancel(t.Context())); err != nil {
				t.Errorf("the connection is of no use any more: %v", err)
			}
		})
	}
}

// After a reset nothing is left of the rows before it.
func TestCopyReset(t *testing.T) {
	t.Parallel()
	var rows postgres.Copy
	for range 2 {
		rows.Reset()
		rows.Row(9)
		for range 9 {
			rows.Null()
		}
		if got := copied(t, &rows, 1); len(got) != 1 {
			t.Errorf("%d rows in the table, want 1", len(got))
		}
	}
}
