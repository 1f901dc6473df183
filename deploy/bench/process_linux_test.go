package bench

import (
	"maps"
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text string
		parent     int
		used       time.Duration
		ok         bool
	}{
		{"a backend", "812 (postgres) S 790 812 812 0 -1 4194304 512 900 0 1 30 12 5 3 20 0 1 0 88 1 2", 790, 500 * time.Millisecond, true},
		{"a name with brackets and spaces", "7 (a ) 3 (b) R 1 7 7 0 -1 0 0 0 0 0 1 1 0 0 20 0", 1, 20 * time.Millisecond, true},
		{"cut short", "7 (a) R 1 7 7", 0, 0, false},
		{"nothing", "", 0, 0, false},
	} {
		got, ok := parseStat([]byte(tc.text))
		if ok != tc.ok || got.parent != tc.parent || got.used != tc.used {
			t.Errorf("%s: %+v, %t", tc.name, got, ok)
		}
	}
}

func TestParsePeak(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"Name:\ttajdeed\nVmPeak:\t 9000 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1000 kB\n": 2 << 20,
		"Name:\tkthreadd\n": 0,
		"":                  0,
	} {
		if got := parsePeak([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// A process counts for the nearest root above it, and once.
func TestSumTrees(t *testing.T) {
	t.Parallel()
	stats := map[int]procStat{
		1: {0, time.Hour}, 10: {1, time.Minute}, // this one is the bench
		20: {10, 1 * time.Second}, 21: {20, 2 * time.Second}, 22: {21, 4 * time.Second},
		30: {10, 8 * time.Second}, 31: {30, 16 * time.Second},
	}
	got := sumTrees(map[string][]int{"postgres": {20}, "tajdeed": {30, 31}, "kafka": {99}}, stats)
	want := map[string]time.Duration{"postgres": 7 * time.Second, "tajdeed": 24 * time.Second, "kafka": 0}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOwnProcess(t *testing.T) {
	t.Parallel()
	if peakRSS(os.Getpid()) == 0 {
		t.Error("this process holds no memory")
	}
	for ownCPU() == 0 { // until the first tick
	}
	if used := treesCPU(map[string][]int{"own": {os.Getpid()}}); len(used) != 1 {
		t.Errorf("%v", used)
	}
	var m Machine
	if readMachine(&m); m.CPU == "" || m.MemoryGB <= 0 || m.Kernel == "" {
		t.Errorf("%+v", m)
	}
}
