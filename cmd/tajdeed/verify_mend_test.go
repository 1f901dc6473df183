package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Each damage to ClickHouse is found, named exactly and mended, once.
func TestVerifyMendsClickHouse(t *testing.T) {
	t.Parallel()
	s := settled(t, 2000)
	p := s.spot()
	before := s.analystsRows()
	where := func(list ...int64) string {
		return fmt.Sprintf(`cause_partition = %d AND cause_offset IN (%s)`, p.partition, strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]"))
	}
	again := func(columns, where string) string {
		return `INSERT INTO decision SELECT ` + columns + ` FROM (SELECT * FROM decision WHERE ` + where + `) SETTINGS insert_deduplicate = 0` //nolint:unqueryvet // whole rows are copied
	}
	gap := func(kind gapKind, from, to int64) string { return gapLine(p.partition, kind, from, to) }
	for _, c := range []struct {
		name string
		harm []string
		want []string
		done repair
	}{
		{
			"rows are missing", []string{`DELETE FROM decision WHERE ` + where(p.a, p.b, p.c)},
			[]string{gap(gapMissing, p.a, p.b), gap(gapMissing, p.c, p.c)}, repair{Inserted: 3},
		},
		{
			"the last ones are missing", []string{`DELETE FROM decision WHERE ` + where(p.last-1, p.last)},
			[]string{gap(gapMissing, p.last-1, p.last)}, repair{Inserted: 2},
		},
		{
			"the same rows are missing again", []string{`DELETE FROM decision WHERE ` + where(p.a, p.b, p.c)},
			[]string{gap(gapMissing, p.a, p.b), gap(gapMissing, p.c, p.c)}, repair{Inserted: 3},
		},
		{
			"rows are doubled", []string{again(`*`, where(p.a, p.c)), again(`*`, where(p.c))},
			[]string{gap(gapDoubled, p.a, p.a), gap(gapDoubled, p.c, p.c)}, repair{Replaced: 2},
		},
		{
			"a row is different",
			[]string{again(`* REPLACE (fee_paid_fils + 1 AS fee_paid_fils, decided_at + 1 AS decided_at)`, where(p.b))},
			[]string{gap(gapDifferent, p.b, p.b)}, repair{Replaced: 1},
		},
		{
			"rows of messages that never were", []string{again(`* REPLACE (1000000 AS cause_offset)`, where(p.b))},
			[]string{gap(gapUnknown, 1000000, 1000000)}, repair{Removed: 1},
		},
		{
			"everything of a partition is missing", []string{fmt.Sprintf(`DELETE FROM decision WHERE cause_partition = %d`, p.partition)},
			nil, repair{Inserted: s.rowsOf(p.partition)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.harmAnalysts(t, `SYSTEM STOP MERGES decision`, `SYSTEM START MERGES decision`)
			s.harmAnalysts(t, c.harm...)
			if found := s.verify(); c.want != nil {
				found.is(t, c.want...)
			} else if found.Balanced {
				t.Error("balanced")
			}
			repaired := s.repair()
			repaired.is(t)
			if *repaired.Repair != c.done {
				t.Errorf("done: %+v, want %+v", *repaired.Repair, c.done)
			}
			if again := s.repair(); again.Repair.done() != 0 {
				t.Errorf("done a second time: %+v", *again.Repair)
			}
			if after := s.analystsRows(); after != before {
				t.Errorf("the rows are not what they were:\n%s\nwant\n%s", after, before)
			}
		})
	}
}

// analystsRows is a figure of every row but for when it was inserted.
func (s *stores) analystsRows() (figure string) {
	s.Helper()
	err := s.analysts.QueryRow(s.Context(), `SELECT concat(toString(count()), ' rows, ',
		toString(groupBitXor(cityHash64(* EXCEPT inserted_at)))) FROM decision`).Scan(&figure)
	if err != nil {
		s.Fatal(err)
	}
	return figure
}

func (s *stores) rowsOf(partition int) (n int64) {
	s.Helper()
	if err := s.record.QueryRow(s.Context(), `SELECT count(*) FROM decision WHERE partition = $1`, partition).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

// A repair under another key writes nothing.
func TestVerifyRefusesAnotherKey(t *testing.T) {
	t.Parallel()
	s := settled(t, 500)
	p := s.spot()
	s.harmAnalysts(t, fmt.Sprintf(`DELETE FROM decision WHERE cause_partition = %d AND cause_offset = %d`, p.partition, p.a))
	before := s.analystsRows()
	_, code := ask(t, verifyCommand(), append(s.verifyArgs(), "--repair", "--pseudonym-key", "another key for tests")...)
	if code != exitFailed || s.analystsRows() != before {
		t.Errorf("exit code %d", code)
	}
	if _, code := ask(t, verifyCommand(), append(s.verifyArgs(), "--repair")...); code != exitUsage {
		t.Errorf("without a key: exit code %d", code)
	}
}

// Rows that are lost while messages flow are mended while they flow, and the sink
// neither skips nor repeats anything for it.
func TestVerifyMendsWhileItFlows(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	simulation := s.populate(6_000)
	s.analytics().ready()
	s.renewals("--batch-messages", "50").ready()
	rng := rand.New(rand.NewPCG(1, 4))
	var done repair
	for range 12 {
		s.publish(simulation, 500)
		s.harmAnalysts(t, fmt.Sprintf(`DELETE FROM decision WHERE cause_offset %% 97 = %d`, rng.IntN(97)))
		v := s.repair()
		done.Inserted += v.Repair.Inserted
		done.Left += v.Repair.Left
	}
	s.verify("--wait", "1m")
	v := s.repair()
	v.is(t)
	if v.Totals.Consumed != 6_000 || v.Totals.ClickHouseRows != v.Totals.decisions() || done.Inserted == 0 {
		t.Errorf("totals %+v, repaired %+v", v.Totals, done)
	}
}
