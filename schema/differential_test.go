package schema

import (
	"math/rand/v2"
	"testing"
)

// The decoders are written by hand. What they accept is held against an I-JSON reader and a
// full validator of the published schemas, over golden messages that were changed at random:
// 15,000 by a fixed seed in every run of the tests, and 150,000 by a new one in every run of
// the benchmarks.

func TestDecodersAgreeWithTheSchemasOnMutations(t *testing.T) {
	t.Parallel()
	for _, m := range messages {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			accepted := checkMutations(t, m, 2249, 5000)
			if accepted < 500 || accepted > 4500 {
				t.Errorf("%d of 5000 mutations are messages: too few or too many to find much", accepted)
			}
		})
	}
}

// BenchmarkDifferential holds at least 150,000 mutations against the validator.
func BenchmarkDifferential(b *testing.B) {
	for b.Loop() {
		for _, m := range messages {
			seed := rand.Uint64()
			accepted := checkMutations(b, m, seed, 50_000)
			b.Logf("%s: seed %d, 50000 mutations, %d accepted", m.name, seed, accepted)
		}
	}
}

// checkMutations compares decoder and schema and returns how many were accepted.
func checkMutations(tb testing.TB, m message, seed uint64, count int) (accepted int) {
	tb.Helper()
	o, mutations := newOracle(tb, m.published), newMutations(tb, m, seed)
	for range count {
		if m.agree(tb, o, mutations.next()) {
			accepted++
		}
	}
	return accepted
}
