package renewals

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tajdeed/schema"
)

// The same application sent again is answered as it was the first time, whatever
// the register says by then; another under its id is a conflict and changes
// nothing. Both in the same batch and in a later one.
func TestResendAndConflict(t *testing.T) {
	t.Parallel()
	approved, rejected := under2025(), under2025().forResident(otherCivilID)
	rejected.a.Fee.Amount--
	for _, c := range []struct {
		name  string
		first schema.Application
		other func(*schema.Application)
		want  [3]string
	}{
		{"of an approved one", approved.a, func(a *schema.Application) { a.SubmittedBy = "somebody.else" }, [3]string{
			"0 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
			"resend approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
			"conflict rejected {application_conflict} 2249-2025@3 0 20000 - -",
		}},
		{"of a rejected one", rejected.a, func(a *schema.Application) { a.Fee.Amount++ }, [3]string{
			"0 0 first rejected {fee_mismatch} 2249-2025@3 20000 19999 2026-04-10 -",
			"resend rejected {fee_mismatch} 2249-2025@3 20000 19999 2026-04-10 -",
			"conflict rejected {application_conflict} 2249-2025@3 0 20000 - -",
		}},
	} {
		for _, cut := range []int{1, 3, 5} {
			t.Run(fmt.Sprintf("%s/batches of %d", c.name, cut), func(t *testing.T) {
				t.Parallel()
				r := newRecord(t)
				r.register(approved.f, rejected.f)
				other := c.first
				c.other(&other)
				r.applyCut(cut, c.first, c.first, other, c.first, other)
				r.wantLines(decisionLines, c.want[0],
					"0 1 "+c.want[1], "0 2 "+c.want[2], "0 3 "+c.want[1], "0 4 "+c.want[2])
				r.wantLines(applicationLines, "0 0 "+c.first.ID.String())
			})
		}
	}
}

// applyCut applies a log of partition 0 in batches of a size.
func (r *record) applyCut(size int, applications ...schema.Application) {
	r.Helper()
	messages := log(0, applications...)
	for len(messages) > 0 {
		n := min(size, len(messages))
		r.apply(batch(0, messages[:n]...))
		messages = messages[n:]
	}
}

// A conflict may come from another resident, who is told nothing of the first: not
// the expiry, not the fee, not the outcome.
func TestConflictTellsNothingOfTheFirst(t *testing.T) {
	t.Parallel()
	for _, cut := range []int{1, 2} {
		r := newRecord(t)
		q, thief := under2025(), under2025().forResident(otherCivilID)
		thief.a.ID = q.a.ID
		r.register(q.f, thief.f)
		r.applyCut(cut, q.a, thief.a)
		r.wantLines(decisionLines,
			"0 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
			"0 1 conflict rejected {application_conflict} 2249-2025@3 0 20000 - -",
		)
		r.wantLines(`SELECT civil_id::text FROM decision ORDER BY "offset"`, q.a.CivilID.String(), thief.a.CivilID.String())
	}
}

// What the record says in the end does not depend on how the log was cut into
// batches.
func TestCutsMakeNoDifference(t *testing.T) {
	t.Parallel()
	residents, applications := crowd(15, 200)
	tables := []string{
		`SELECT (to_jsonb(a))::text FROM application a ORDER BY application_id`,
		`SELECT (to_jsonb(d) - 'decided_at')::text FROM decision d ORDER BY "offset"`,
		`SELECT (to_jsonb(y))::text FROM residency y ORDER BY civil_id`,
	}
	var want [][]string
	for _, size := range []int{1, 7, 50} {
		r := newRecord(t)
		r.register(residents...)
		r.applyCut(size, applications...)
		for i, sql := range tables {
			if want == nil || i >= len(want) {
				want = append(want, r.lines(sql))
				continue
			}
			r.wantLines(sql, want[i]...)
		}
	}
	for i, least := range []int{100, 200, 15} {
		if len(want[i]) < least {
			t.Errorf("%d rows of %q: this test shows too little", len(want[i]), tables[i])
		}
	}
}

// crowd is a log in which few residents ask often: one in ten messages is a resend,
// one in ten a conflict, and one in ten has a defect.
func crowd(residents, messages int) (known []facts, applications []schema.Application) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range residents {
		known = append(known, under2025().forResident(resident(i)).f)
	}
	for i := range messages {
		q := under2025().forResident(resident(rng.IntN(residents)))
		q.a.ID, q.a.Insurance.To = numbered(i), date("2040-01-01")
		q.a.Months = 1 + rng.IntN(3)
		if kind := rng.IntN(10); kind < 3 && i > 0 {
			earlier := applications[rng.IntN(i)]
			switch kind {
			case 0:
				q.a = earlier
			case 1:
				q.a.ID = earlier.ID
			default:
				q.a.Fee.Amount++
			}
		}
		applications = append(applications, q.a)
	}
	return known, applications
}

// resident is the Civil ID of a numbered resident.
func resident(i int) schema.CivilID {
	for serial := i * 3; ; serial++ {
		if id, ok := schema.NewCivilID(date("1985-03-07"), serial); ok {
			return id
		}
	}
}
