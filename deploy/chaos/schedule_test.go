package chaos

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func rounds(seed uint64, kinds []faultKind, n int) (all []fault) {
	s := newSchedule(seed, kinds)
	for range n {
		all = append(all, s.round()...)
	}
	return all
}

func TestSameSeedSameFaults(t *testing.T) {
	t.Parallel()
	if one, again := rounds(7, faultKinds, 5), rounds(7, faultKinds, 5); !reflect.DeepEqual(one, again) {
		t.Errorf("one seed gave\n%v\nand\n%v", one, again)
	}
	if one, other := rounds(7, faultKinds, 5), rounds(8, faultKinds, 5); reflect.DeepEqual(one, other) {
		t.Error("two seeds gave the same faults")
	}
}

func TestEveryKindStrikesEquallyOften(t *testing.T) {
	t.Parallel()
	faults := rounds(1, faultKinds, 20)
	struck := map[faultKind]int{}
	for _, f := range faults {
		struck[f.Kind]++
	}
	for _, kind := range faultKinds {
		if least := len(faults) / len(faultKinds); struck[kind] < least || struck[kind] > least+1 {
			t.Errorf("%s strikes %d times of %d, want %d or one more", kind, struck[kind], len(faults), least)
		}
	}
}

func TestFaultsLieWithinTheirRound(t *testing.T) {
	t.Parallel()
	s := newSchedule(3, faultKinds)
	for range 20 {
		faults := s.round()
		if !slices.IsSortedFunc(faults, func(a, b fault) int { return int(a.After - b.After) }) {
			t.Errorf("out of order: %v", faults)
		}
		for _, f := range faults {
			frozen := f.Kind == freezeRenewals || f.Kind == freezeAnalytics
			if f.Kind == clockStep && f.After+f.For > strikingFor+3*time.Second {
				t.Errorf("the clock stays wrong for long after the round: %v", f)
			}
			if f.After >= strikingFor || f.For <= 0 || f.ToxicRate <= 0 || f.ToxicRate > 1 || frozen && f.For <= sessionTimeout {
				t.Errorf("this fault does not fit into a round: %v", f)
			}
		}
	}
}

func TestOnlyTheKindsAskedFor(t *testing.T) {
	t.Parallel()
	kinds, err := parseKinds([]string{"kill-sink", "disk-full"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rounds(1, kinds, 3) {
		if f.Kind != killAnalytics && f.Kind != diskFull {
			t.Errorf("%s was not asked for", f.Kind)
		}
	}
	if _, err := parseKinds([]string{"flood"}); err == nil {
		t.Error("a kind that does not exist is not refused")
	}
}
