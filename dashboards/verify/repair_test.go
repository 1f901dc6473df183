package verify

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tajdeed/consumers/analytics"
)

// Each damage to ClickHouse is found, named exactly and repaired, once.
func TestRepairsClickHouse(t *testing.T) {
	t.Parallel()
	s := drained(t, 2000)
	s.preventMerges(t)
	p := s.spot()
	before := s.rowsDigest()
	where := func(list ...int64) string {
		return fmt.Sprintf(`%s AND cause_offset IN (%s)`, p.ofClickHouse(), strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]"))
	}
	copyOf := func(columns, where string) string {
		return `INSERT INTO decision SELECT ` + columns + ` FROM (SELECT * FROM decision WHERE ` + where + `) SETTINGS insert_deduplicate = 0` //nolint:unqueryvet // whole rows are copied
	}
	unreadableOf := func(columns string) string {
		return `INSERT INTO unreadable SELECT ` + columns + ` FROM (SELECT * FROM unreadable WHERE ` + where(p.u) + `) SETTINGS insert_deduplicate = 0` //nolint:unqueryvet // whole rows are copied
	}
	update := func(column, where string) string {
		return `ALTER TABLE decision UPDATE ` + column + ` WHERE ` + where + ` SETTINGS mutations_sync = 2`
	}
	gap := p.gap
	for _, c := range []struct {
		name   string
		damage []string
		want   []string
		done   Repair
	}{
		{
			"rows are missing", []string{`DELETE FROM decision WHERE ` + where(p.a, p.b, p.c)},
			[]string{gap(GapMissing, p.a, p.b), gap(GapMissing, p.c, p.c)}, Repair{Inserted: 3},
		},
		{
			"the last ones are missing", []string{`DELETE FROM decision WHERE ` + where(p.last-1, p.last)},
			[]string{gap(GapMissing, p.last-1, p.last)}, Repair{Inserted: 2},
		},
		{
			"the same rows are missing again", []string{`DELETE FROM decision WHERE ` + where(p.a, p.b, p.c)},
			[]string{gap(GapMissing, p.a, p.b), gap(GapMissing, p.c, p.c)}, Repair{Inserted: 3},
		},
		{
			"rows are doubled", []string{copyOf(`*`, where(p.a, p.c)), copyOf(`*`, where(p.c))},
			[]string{gap(GapDoubled, p.a, p.a), gap(GapDoubled, p.c, p.c)}, Repair{Replaced: 2},
		},
		{
			"a row is different",
			[]string{copyOf(`* REPLACE (fee_paid_fils + 1 AS fee_paid_fils, decided_at + 1 AS decided_at)`, where(p.b))},
			[]string{gap(GapDifferent, p.b, p.b)}, Repair{Replaced: 1},
		},
		{
			"a row has another fine", []string{update(`fine_due_fils = fine_due_fils + 1`, where(p.a))},
			[]string{gap(GapDifferent, p.a, p.a)}, Repair{Replaced: 1},
		},
		{
			"rows of other persons and sponsors",
			[]string{update(`person = person + 1`, where(p.a)), update(`sponsor = sponsor + 1`, where(p.c))},
			[]string{gap(GapDifferent, p.a, p.a), gap(GapDifferent, p.c, p.c)}, Repair{Replaced: 2},
		},
		{
			"rows with another place or time on the topic",
			[]string{
				update(`log_offset = log_offset + 1`, where(p.a)), update(`log_partition = log_partition + 1`, where(p.b)),
				update(`published_at = published_at + INTERVAL 1 MILLISECOND`, where(p.c)),
			},
			[]string{gap(GapDifferent, p.a, p.b), gap(GapDifferent, p.c, p.c)}, Repair{Replaced: 3},
		},
		{
			"rows of messages that never were", []string{copyOf(`* REPLACE (1000000 AS cause_offset)`, where(p.b))},
			[]string{gap(GapUnknown, 1000000, 1000000)}, Repair{Removed: 1},
		},
		{
			"rows of messages that cannot be read are missing", []string{`DELETE FROM unreadable WHERE ` + where(p.u)},
			[]string{gap(GapUnreadableMissing, p.u, p.u)}, Repair{Inserted: 1},
		},
		{
			"a row of a message that cannot be read is doubled", []string{unreadableOf(`*`)},
			[]string{gap(GapUnreadableDoubled, p.u, p.u)}, Repair{Replaced: 1},
		},
		{
			"a row of a message that cannot be read is different", []string{unreadableOf(`* REPLACE ('oversize' AS rule)`)},
			[]string{gap(GapUnreadableDifferent, p.u, p.u)}, Repair{Replaced: 1},
		},
		{
			"rows of messages that could be read, or never were",
			[]string{unreadableOf(fmt.Sprintf(`* REPLACE (%d AS cause_offset)`, p.a)), unreadableOf(`* REPLACE (1000000 AS cause_offset)`)},
			[]string{gap(GapUnreadableUnknown, p.a, p.a), gap(GapUnreadableUnknown, 1000000, 1000000)}, Repair{Removed: 2},
		},
		{
			"a message is in the other table",
			[]string{
				`DELETE FROM unreadable WHERE ` + where(p.u),
				copyOf(fmt.Sprintf(`* REPLACE (%d AS cause_offset)`, p.u), where(p.b)),
			},
			[]string{gap(GapUnreadableMissing, p.u, p.u), gap(GapUnknown, p.u, p.u)}, Repair{Inserted: 1, Removed: 1},
		},
		{
			"rows of another channel's topic, and of no simulation",
			[]string{
				update(`log_topic = 'elsewhere'`, where(p.a)), update(`channel = 'elsewhere'`, where(p.b)),
				update(`simulation = false`, where(p.c)),
			},
			[]string{gap(GapDifferent, p.a, p.b), gap(GapDifferent, p.c, p.c)}, Repair{Replaced: 3},
		},
		{
			"everything of a partition is missing", []string{`DELETE FROM decision WHERE ` + p.ofClickHouse()},
			nil, Repair{Inserted: s.rowsOf(p)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.damageClickHouse(t, c.damage...)
			if found := s.verifyPersons(); c.want != nil {
				found.wantGaps(t, c.want...)
			} else if found.Balanced {
				t.Error("the books balance")
			}
			repaired := s.repair()
			repaired.wantGaps(t)
			if *repaired.Repair != c.done {
				t.Errorf("done: %+v, want %+v", *repaired.Repair, c.done)
			}
			if again := s.repair(); again.Repair.changed() != 0 {
				t.Errorf("done a second time: %+v", *again.Repair)
			}
			if after := s.rowsDigest(); after != before {
				t.Errorf("the rows are not what they were:\n%s\nwant\n%s", after, before)
			}
		})
	}
}

// rowsDigest is the number of rows and a hash of all columns but inserted_at.
func (s *installation) rowsDigest() (digest string) {
	s.Helper()
	for _, table := range []string{"decision", "unreadable"} {
		var of string
		err := s.ClickHouse.QueryRow(s.Context(), `SELECT concat(toString(count()), ' rows, ',
			toString(groupBitXor(cityHash64(* EXCEPT inserted_at)))) FROM `+table).Scan(&of)
		if err != nil {
			s.Fatal(err)
		}
		digest += table + ": " + of + "; "
	}
	return digest
}

func (s *installation) rowsOf(p spot) (n int64) {
	s.Helper()
	if err := s.Postgres.QueryRow(s.Context(), `SELECT count(*) FROM decision WHERE `+p.ofRecord()).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

// Every column of a row of either table is compared but inserted_at.
func TestComparesEveryColumn(t *testing.T) {
	t.Parallel()
	s := drained(t, 1000)
	s.preventMerges(t)
	p := s.spot()
	for _, table := range []struct {
		name               string
		offset             int64
		different, doubled GapKind
	}{{"decision", p.a, GapDifferent, GapDoubled}, {"unreadable", p.u, GapUnreadableDifferent, GapUnreadableDoubled}} {
		copied := fmt.Sprintf(`FROM (SELECT * FROM %s WHERE %s AND cause_offset = %d) SETTINGS insert_deduplicate = 0`, table.name, p.ofClickHouse(), table.offset) //nolint:unqueryvet // whole rows are copied
		for column, other := range s.otherValues(table.name) {
			t.Run(table.name+"/"+column, func(t *testing.T) {
				s.damageClickHouse(t, `INSERT INTO `+table.name+` SELECT * REPLACE (`+other+` AS `+column+`) `+copied)
				want := p.gap(table.different, table.offset, table.offset)
				if column == "inserted_at" {
					want = p.gap(table.doubled, table.offset, table.offset)
				}
				found := s.verifyPersons()
				found.wantGaps(t, want)
				repaired := s.repair()
				repaired.wantGaps(t)
			})
		}
	}
}

// otherValues returns, for each column that is no part of the row's identity, an expression
// whose value is never that of the row.
func (s *installation) otherValues(table string) map[string]string {
	s.Helper()
	rows, err := s.ClickHouse.Query(s.Context(), `SELECT name, type FROM system.columns
		WHERE database = currentDatabase() AND table = '`+table+`' AND name NOT LIKE 'cause%'`)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	others := map[string]string{}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			s.Fatal(err)
		}
		others[name] = otherValue(name, kind)
	}
	return others
}

// otherValue knows the types that the columns have: one of a new type needs a case here.
func otherValue(name, kind string) string {
	switch kind {
	case "Bool":
		return "NOT " + name
	case "UUID":
		return "generateUUIDv4()"
	case "LowCardinality(String)":
		return "concat(" + name + ", 'x')"
	case "Array(LowCardinality(String))":
		return "arrayPushBack(" + name + ", 'x')"
	case "Nullable(Date32)":
		return "if(" + name + " IS NULL, toDate32('2026-01-01'), NULL)"
	case "DateTime64(6, 'Asia/Kuwait')":
		return name + " + INTERVAL 1 MILLISECOND" // in the same month, if not in the last millisecond
	}
	return name + " + 1"
}

// Without the key, the persons of ClickHouse's rows are not compared, and the report says so.
// Those of the decisions topic are always compared.
func TestReportSaysWhatIsNotCompared(t *testing.T) {
	t.Parallel()
	s := drained(t, 1000)
	p := s.spot()
	const sentence = "were not compared with ClickHouse"
	if report := s.verify().Text(); !strings.Contains(report, sentence) {
		t.Errorf("without the key:\n%s", report)
	}
	if report := s.verifyPersons().Text(); strings.Contains(report, sentence) {
		t.Errorf("with the key:\n%s", report)
	}
	for _, column := range []string{"civil_id", "sponsor_id"} {
		change := fmt.Sprintf(`UPDATE decision SET %[1]s = %[1]s %%s WHERE %[2]s AND "offset" = %[3]d`, column, p.ofRecord(), p.a)
		s.damageRecord(t, fmt.Sprintf(change, "+ 1"))
		published := p.gap(GapPublishedOtherwise, p.a, p.a)
		if v := s.verify(); v.PersonsCompared {
			t.Error("persons were compared without the key")
		} else {
			v.wantGaps(t, published)
		}
		v := s.verifyPersons()
		v.wantGaps(t, published, p.gap(GapDifferent, p.a, p.a))
		if !v.PersonsCompared {
			t.Error("persons were not compared")
		}
		s.damageRecord(t, fmt.Sprintf(change, "- 1"))
	}
}

// A repair under another key writes nothing.
func TestRefusesAnotherKey(t *testing.T) {
	t.Parallel()
	s := drained(t, 1000)
	p := s.spot()
	s.damageClickHouse(t, fmt.Sprintf(`DELETE FROM decision WHERE %s AND cause_offset = %d`, p.ofClickHouse(), p.a))
	before := s.rowsDigest()
	another, err := analytics.NewPseudonym([]byte("another key for tests"))
	if err != nil {
		t.Fatal(err)
	}
	repair := s.config(func(c *Config) { c.Repair, c.Pseudonym = true, another })
	if _, err := Run(t.Context(), repair); !errors.Is(err, errOtherKey) || s.rowsDigest() != before {
		t.Errorf("a repair under another key: %v", err)
	}
	repair.Pseudonym = nil
	if _, err := Run(t.Context(), repair); err == nil {
		t.Error("a repair without a key is not refused")
	}
}

// Rows that are lost while messages flow are repaired while they flow, and the stage
// analytics neither skips nor repeats a decision because of it.
func TestRepairsWhileMessagesFlow(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	simulation := s.Populate(6_000)
	s.Analytics().Ready()
	s.Renewals(smallBatches).Ready()
	rng := rand.New(rand.NewPCG(1, 4))
	var done Repair
	for range 12 {
		s.Publish(simulation, 500)
		for _, table := range []string{"decision", "unreadable"} {
			s.damageClickHouse(t, fmt.Sprintf(`DELETE FROM %s WHERE cause_offset %% 97 = %d`, table, rng.IntN(97)))
		}
		v := s.repair()
		done.Inserted += v.Repair.Inserted
		done.Left += v.Repair.Left
	}
	s.verify(withWait(time.Minute))
	v := s.repair()
	v.wantGaps(t)
	if v.Totals.Consumed != 6_000 || v.Totals.ClickHouseRows != v.Totals.decisions() || v.Totals.ClickHouseUnreadable != v.Totals.Quarantined || done.Inserted == 0 {
		t.Errorf("totals %+v, repaired %+v", v.Totals, done)
	}
}
