package consumers_test

import (
	"context"
	"errors"
	"testing"

	"tajdeed/consumers"
)

// claiming is a handler that keeps the claims of the partitions that it opens.
type claiming struct {
	consumers.Handler
	claims chan *consumers.Claim
}

func (h claiming) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	h.claims <- a.Claim
	return h.Handler.Open(ctx, a)
}

// A worker of a former generation cannot write the claim, as a Reader of the library can
// commit (TestReaderRewindsAnotherConsumer): what the next one claimed stands, and is read
// back.
func TestClaimOfAFormerGeneration(t *testing.T) {
	b := setup(t, 1)
	handler := claiming{b.ledger(b.tally()), make(chan *consumers.Claim, 100)}
	b.start(handler, b.config())
	former := <-handler.claims
	wantClaim(t, former, -1, "")
	if err := former.Write(t.Context(), 3, "until 5"); err != nil {
		t.Fatal(err)
	}
	b.start(handler, b.config()) // whichever of the two has the partition then
	var now *consumers.Claim
	eventually(t, func() error {
		now = <-handler.claims
		wantClaim(t, now, 3, "until 5")
		return now.Write(t.Context(), 7, "until 9")
	})
	if err := former.Write(t.Context(), 4, "until 5"); !errors.Is(err, consumers.ErrFenced) {
		t.Errorf("the claim of a former generation: %v, want %v", err, consumers.ErrFenced)
	}
	wantClaim(t, now, 7, "until 9")
}

// What a stage has read is its own from then on: the engine, which commits later than the stage,
// would put back a claim that was written meanwhile.
func TestNothingIsCommittedOverAClaim(t *testing.T) {
	b := setup(t, 1)
	handler := claiming{b.ledger(b.tally()), make(chan *consumers.Claim, 100)}
	b.publish(0, 5)
	w := b.start(reading{handler}, b.config())
	b.drained(5)
	w.stop(t) // which commits what was to be committed
	next := claiming{b.ledger(b.tally()), make(chan *consumers.Claim, 100)}
	b.start(next, b.config())
	wantClaim(t, <-next.claims, -1, "")
}

// reading is a handler that reads the claims.
type reading struct{ claiming }

func (h reading) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	if _, _, err := a.Claim.Read(ctx); err != nil {
		return nil, consumers.Start{}, err
	}
	return h.claiming.Open(ctx, a)
}

func wantClaim(t *testing.T, claim *consumers.Claim, wantOffset int64, wantNote string) {
	t.Helper()
	offset, note, err := claim.Read(t.Context())
	if offset != wantOffset || note != wantNote || err != nil {
		t.Errorf("the claim says %d, %q, %v, want %d, %q", offset, note, err, wantOffset, wantNote)
	}
}
