package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tajdeed/dashboards/text"
)

// userHZ is the unit of processor time in /proc: a hundredth of a second wherever Go runs.
const userHZ = 10 * time.Millisecond

// procStat is what /proc says of a process.
type procStat struct {
	parent int
	// used includes the time of ended children for which the process has waited. Together
	// with the living processes of its tree, nothing is counted twice and nothing is missing.
	used time.Duration
}

// parseStat reads /proc/PID/stat. The name, in brackets, may hold anything.
func parseStat(text []byte) (s procStat, ok bool) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return s, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return s, false
	}
	ticks := int64(0)
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return s, false
		}
		ticks += n
	}
	return procStat{parent: parent, used: time.Duration(ticks) * userHZ}, true
}

// parsePeak reads the most bytes that a process held, from /proc/PID/status.
func parsePeak(text []byte) int64 {
	_, rest, found := bytes.Cut(text, []byte("\nVmHWM:"))
	fields := bytes.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kilobytes, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

// treesCPU returns the processor time of trees of processes, by name of the tree.
func treesCPU(roots map[string][]int) map[string]time.Duration {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	stats := map[int]procStat{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if stat, ok := parseStat(text); ok && err == nil {
			stats[pid] = stat
		}
	}
	return sumTrees(roots, stats)
}

// sumTrees counts each process for the nearest root above it.
func sumTrees(roots map[string][]int, stats map[int]procStat) map[string]time.Duration {
	owner := map[int]string{}
	used := map[string]time.Duration{}
	for name, pids := range roots {
		used[name] = 0
		for _, pid := range pids {
			owner[pid] = name
		}
	}
	for pid, stat := range stats {
		for at := pid; at > 1; at = stats[at].parent {
			if name, ours := owner[at]; ours {
				used[name] += stat.used
				break
			}
		}
	}
	return used
}

// ownCPU is the processor time of this process without its children, the servers.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// peakRSS is the most bytes of memory that a process has held.
func peakRSS(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	return parsePeak(text)
}

// readMachine reads what Linux says about the machine.
func readMachine(m *Machine) {
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	m.CPU = valueOf(cpu, "model name")
	memory, _ := os.ReadFile("/proc/meminfo")
	if kilobytes, err := strconv.ParseFloat(firstWord(valueOf(memory, "MemTotal")), 64); err == nil {
		m.MemoryGB = text.Rounded(kilobytes / (1 << 20))
	}
	load, _ := os.ReadFile("/proc/loadavg")
	m.Load, _ = strconv.ParseFloat(firstWord(string(load)), 64)
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = string(bytes.TrimSpace(kernel))
}

// valueOf is the value on the line "name: value".
func valueOf(text []byte, name string) string {
	for line := range bytes.Lines(text) {
		key, value, found := bytes.Cut(line, []byte(":"))
		if found && string(bytes.TrimSpace(key)) == name {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}
