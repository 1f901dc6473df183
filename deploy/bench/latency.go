package bench

import (
	"cmp"
	"math"
	"slices"
	"time"

	"tajdeed/dashboards/text"
)

// Latency is how long applications waited, in milliseconds, from when each was due.
type Latency struct {
	Measured int         `json:"measured"` // how many applications
	Decided  Percentiles `json:"decided"`  // until the answer could be read on its topic
	// Queryable is until ClickHouse was seen to have it; null where that is not measured.
	Queryable *Percentiles `json:"queryable,omitempty"`
}

// Percentiles are the values that 50, 99 and 99.9 % of the waits do not exceed, and the
// longest wait.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// newPercentiles takes the nearest rank: a value that occurred.
func newPercentiles(waits []time.Duration) Percentiles {
	slices.SortFunc(waits, cmp.Compare[time.Duration])
	at := func(share float64) float64 {
		if len(waits) == 0 {
			return 0
		}
		rank := int(math.Ceil(share * float64(len(waits))))
		return text.Rounded(waits[max(rank, 1)-1].Seconds() * 1000)
	}
	return Percentiles{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
}
