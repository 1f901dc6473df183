//go:build !linux

package bench

import "time"

// Processor time and memory by process are read from /proc, which only Linux has.

func treesCPU(map[string][]int) map[string]time.Duration { return nil }

func ownCPU() time.Duration { return 0 }

func peakRSS(int) int64 { return 0 }

func readMachine(*Machine) {}
