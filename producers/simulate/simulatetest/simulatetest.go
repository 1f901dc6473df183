// Package simulatetest gives tests simulated applications.
package simulatetest

import (
	"testing"

	"tajdeed/producers/simulate"
)

// Applications returns the data of n right applications.
func Applications(t testing.TB, n int) [][]byte {
	t.Helper()
	s, err := simulate.New(simulate.Config{Residents: 1_000, Rejected: -1, Duplicates: -1, Conflicts: -1, Reused: -1, Unreadable: -1})
	if err != nil {
		t.Fatal(err)
	}
	data := make([][]byte, n)
	for i := range data {
		m, _ := s.Next()
		data[i] = m.Value
	}
	return data
}
