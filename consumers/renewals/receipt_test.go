package renewals

import (
	"testing"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// A receipt is spent by the application that is approved with it, and by no other (rule
// FEE-ONCE).
func TestReceiptIsSpentOnce(t *testing.T) {
	t.Parallel()
	q, other := under2025(), under2025().forResident(otherCivilID)
	with := func(a schema.Application) schema.Application { // the first resident's receipt
		a.Fee.Receipt = q.a.Fee.Receipt
		return a
	}
	rejected := anew(q.a, 1)
	rejected.Fee.Amount++
	stranger := with(q.forResident(thirdCivilID).a)
	own := anew(q.a, 2)
	own.Fee.Receipt = q.a.Fee.Receipt
	const (
		approved = "first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10"
		refused  = "first rejected {receipt_used} 2249-2025@3 20000 20000 2026-04-10 -"
	)
	for _, c := range []struct {
		name    string
		batches [][]schema.Application
		want    []string
	}{
		{"another resident, in the same batch", [][]schema.Application{{q.a, with(other.a)}}, []string{"0 0 " + approved, "0 1 " + refused}},
		{"another resident, in a later batch", [][]schema.Application{{q.a}, {with(other.a)}}, []string{"0 0 " + approved, "0 1 " + refused}},
		{"the other comes first", [][]schema.Application{{with(other.a), q.a}}, []string{"0 0 " + approved, "0 1 " + refused}},
		{"sent again", [][]schema.Application{{q.a}, {q.a}}, []string{"0 0 " + approved, "0 1 resend approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10"}},
		{"a rejection spends nothing", [][]schema.Application{{with(rejected)}, {q.a}}, []string{
			"0 0 first rejected {fee_mismatch} 2249-2025@3 20000 20001 2026-04-10 -", "0 1 " + approved,
		}},
		{"the same resident again", [][]schema.Application{{q.a}, {own}}, []string{
			"0 0 " + approved, "0 1 first rejected {window_not_open,insurance_short,receipt_used} 2249-2025@3 20000 20000 2027-04-10 -",
		}},
		{"a stranger is not told", [][]schema.Application{{q.a}, {stranger}}, []string{
			"0 0 " + approved, "0 1 first rejected {identity_mismatch} 2249-2025@3 0 20000 - -",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRecord(t)
			r.register(q.f, other.f)
			offset := int64(0)
			for _, applications := range c.batches {
				r.apply(batch(0, log(offset, applications...)...))
				offset += int64(len(applications))
			}
			r.wantLines(decisionLines, c.want...)
		})
	}
}

// Batches of two partitions that are applied as one see each other's receipts.
func TestReceiptInAJointTransaction(t *testing.T) {
	t.Parallel()
	q, other := under2025(), under2025().forResident(otherCivilID)
	other.a.Fee.Receipt = q.a.Fee.Receipt
	r := newRecord(t)
	r.register(q.f, other.f)
	var batches []*consumers.Batch
	for partition, a := range []schema.Application{q.a, other.a} {
		batches = append(batches, batch(partition, log(0, a)...))
	}
	if err := r.commit(t.Context(), r.joint(batches...)); err != nil {
		t.Fatal(err)
	}
	r.wantLines(decisionLines,
		"0 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
		"1 0 first rejected {receipt_used} 2249-2025@3 20000 20000 2026-04-10 -")
}
