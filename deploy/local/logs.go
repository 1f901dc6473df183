package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	logLimit = 32 << 20 // bytes; a longer log is moved aside at the next launch
	tailSize = 1500     // bytes of a log that are worth showing
)

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

// tail returns the last lines of a log, none of them from before from.
func tail(path string, from int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	start := max(from, end-tailSize)
	body := make([]byte, max(end-start, 0))
	n, _ := file.ReadAt(body, start)
	text := string(body[:n])
	if start > from { // the first line is cut
		_, text, _ = strings.Cut(text, "\n")
	}
	return strings.TrimSpace(text)
}
