package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// asVerified is what `tajdeed verify --json` said.
type asVerified struct {
	books
	code int
	text string
}

// verify asks for the books.
func (s *stores) verify(args ...string) (v asVerified) {
	s.Helper()
	v.text, v.code = ask(s.T, verifyCommand(), append(s.verifyArgs(), append(args, "--json")...)...)
	if err := json.Unmarshal([]byte(v.text), &v.books); err != nil {
		s.Fatalf("verify said no JSON: %v\n%s", err, v.text)
	}
	return v
}

func (s *stores) verifyArgs() []string {
	return []string{
		"--brokers", strings.Join(s.brokers, ","), "--topics", s.prefix, "--analytics-group", s.prefix + ".analytics",
		"--postgres", s.postgresURL, "--clickhouse", s.clickhouseURL,
	}
}

// testKey is the pseudonym key of the sinks of tests.
const testKey = "a key for tests only"

// verifyPersons asks for the books under the key, so that persons are compared too.
func (s *stores) verifyPersons() asVerified {
	s.Helper()
	return s.verify("--pseudonym-key", testKey)
}

// repair asks to mend ClickHouse.
func (s *stores) repair() asVerified {
	s.Helper()
	return s.verify("--repair", "--pseudonym-key", testKey)
}

// gaps are all that doesn't balance, in one order, each as "partition kind from-to".
func (b *books) gaps() (all []string) {
	for p := range b.all {
		for _, g := range p.Gaps {
			all = append(all, gapLine(p.Partition, g.Kind, g.From, g.To))
		}
	}
	for _, stray := range b.Strays {
		all = append(all, gapLine(stray.Partition, stray.Kind, stray.From, stray.To))
	}
	slices.Sort(all)
	return all
}

func gapLine(partition int, kind gapKind, from, to int64) string {
	return fmt.Sprintf("%d %s %d-%d", partition, kind, from, to)
}

// is fails unless exactly these gaps were found, and the exit code says so.
func (v *asVerified) is(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := v.gaps(); !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	code := exitDone
	if len(want) > 0 {
		code = exitFailed
	}
	if v.Balanced != (len(want) == 0) || v.code != code {
		t.Errorf("balanced: %t, exit code %d", v.Balanced, v.code)
	}
}

// settled is a run that has ended: nothing moves any more.
func settled(t *testing.T, messages int) *stores {
	t.Helper()
	s := newStores(t)
	s.publish(s.populate(messages), messages)
	worker, sink := s.renewals(), s.analytics()
	s.drained(messages)
	if v := s.verify("--wait", "1m"); !v.Complete {
		t.Fatalf("not all of it was through in a minute: %+v", v.Totals.Pending)
	}
	worker.signal(syscall.SIGTERM)
	sink.signal(syscall.SIGTERM)
	return s
}

// spot is a partition, and offsets of decisions in it: two that follow one another,
// the two around them that are decided, and one further on.
type spot struct {
	partition         int
	first, next, last int64
	a, b, c           int64 // decisions; b is a + 1
}

func (s *stores) spot() (p spot) {
	s.Helper()
	err := s.record.QueryRow(s.Context(), `
		SELECT p.partition, p.first_offset, p.next_offset, p.next_offset - 1, a."offset", b."offset",
		       (SELECT max("offset") - 3 FROM decision c WHERE c.partition = p.partition AND c."offset" > b."offset" + 10)
		FROM position p
		JOIN decision a USING (topic, partition)
		JOIN decision b USING (topic, partition)
		WHERE b."offset" = a."offset" + 1 AND a."offset" > p.first_offset + 20 AND p.next_offset > 100
		  AND NOT EXISTS (SELECT FROM quarantined q WHERE q.partition = p.partition AND q."offset" > p.next_offset - 10)
		ORDER BY p.partition, a."offset" LIMIT 1`).Scan(&p.partition, &p.first, &p.next, &p.last, &p.a, &p.b, &p.c)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// harm does something to the record that nobody should.
func (s *stores) harm(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.record.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// unmerged lets no parts of the analysts' table be merged, so what is doubled stays so
// until somebody looks: the table's engine would drop one of two, when it pleases.
// Statements that change rows go on; SYSTEM STOP MERGES would stop them too.
func (s *stores) unmerged(t *testing.T) {
	t.Helper()
	s.harmAnalysts(t, `ALTER TABLE decision MODIFY SETTING
		max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1`)
}

// harmAnalysts does to the analysts' database what nobody should.
func (s *stores) harmAnalysts(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.analysts.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
