package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// logLimit is in bytes. A longer log is moved aside at the next launch.
const logLimit = 32 << 20

// openLog opens a server's log for appending and tells its length.
func openLog(path string) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, 0, fmt.Errorf("move the log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, 0, fmt.Errorf("open the log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open the log: %w", err), file.Close())
	}
	return file, info.Size(), nil
}

// causes find, in the end of a server's log, the line that says why it ended. The first
// that finds one is right, and of several lines the last.
var causes = []*regexp.Regexp{
	regexp.MustCompile(`<Fatal> .*?(Code: \d+\. .*)`),                            // ClickHouse: an exception that it did not expect
	regexp.MustCompile(`<Fatal> .*?(Received signal \D.*)`),                      // ClickHouse: a fault, by its name
	regexp.MustCompile(`((?:PANIC|FATAL): .*)`),                                  // Postgres
	regexp.MustCompile(`^(?:Caused by: )?([a-z][\w.$]+(?:Exception|Error)\b.*)`), // Kafka
	regexp.MustCompile(`^((?:panic|fatal error|tajdeed-\w+): .*)`),               // kfake, and what hosts ClickHouse
}

// noise is what surrounds such a line and says nothing to a person: the frames of a
// stack (ClickHouse's, Java's, Go's) and what announces them.
var noise = regexp.MustCompile(`^\s*$|^\s+at |^\s+\.\.\. \d+ more|^\t|^goroutine \d|\d+\. .* @ 0x[0-9a-f]+|<Fatal> \w+: (?:$|#|Sent by|Stack trace|Signal desc)`)

// ending returns the line of a log that says why its server ended and up to n-1 lines
// before it; where no line says so, the last n. Stacks are left out, lines are cut, and
// nothing is from before from.
func ending(path string, from int64, n int) string {
	lines := tellingLines(path, from)
	if i, cause := findCause(lines); i >= 0 {
		lines = append(lines[:i], cause)
	}
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		line, _, _ = strings.Cut(line, ", Stack trace")
		lines[i] = cut(strings.TrimSpace(line))
	}
	return strings.Join(lines, "\n")
}

// findCause returns the number of a line and the part of it that is a cause, or -1.
func findCause(lines []string) (number int, cause string) {
	for _, pattern := range causes {
		for i, line := range slices.Backward(lines) {
			if found := pattern.FindStringSubmatch(line); found != nil {
				return i, found[1]
			}
		}
	}
	return -1, ""
}

// cut bounds a line.
func cut(line string) string {
	const most = 300 // bytes
	if len(line) <= most {
		return line
	}
	return strings.ToValidUTF8(line[:most], "") + "…"
}

// tellingLines returns the last lines of a log, without noise.
func tellingLines(path string, from int64) (lines []string) {
	const most = 40 // an error from long before the end is not its cause
	for line := range strings.Lines(tail(path, from)) {
		if line = strings.TrimRight(line, "\r\n"); !noise.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-most):]
}

// tail returns the end of a log, nothing from before from.
func tail(path string, from int64) string {
	const size = 64 << 10 // bytes; a stack of ClickHouse's is 8 KB
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	start := max(from, end-size)
	body := make([]byte, max(end-start, 0))
	n, _ := file.ReadAt(body, start)
	text := string(body[:n])
	if start > from { // the first line is cut
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}
