package command

import (
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

// Bar is a progress bar where a person waits at a terminal, and nothing elsewhere.
type Bar struct{ shown *progressbar.ProgressBar }

// Progress begins a bar of so many steps, -1 where nobody knows how many, unless the
// command is to be silent. Options are the library's.
func Progress(total int64, what string, silent bool, options ...progressbar.Option) Bar {
	if silent || !isatty.IsTerminal(os.Stderr.Fd()) {
		return Bar{}
	}
	return Bar{progressbar.NewOptions64(total, append([]progressbar.Option{
		progressbar.OptionSetDescription("· " + what),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	}, options...)...)}
}

// ProgressOf is [Progress] where the steps are things, which are counted.
func ProgressOf(total int64, what string, silent bool) Bar {
	return Progress(total, what, silent, progressbar.OptionShowCount(), progressbar.OptionShowIts())
}

// ProgressOfBytes is [Progress] where the steps are bytes.
func ProgressOfBytes(total int64, what string, silent bool) Bar {
	return Progress(total, what, silent, progressbar.OptionShowBytes(true))
}

// Add goes n steps on.
func (b Bar) Add(n int) {
	if b.shown != nil {
		_ = b.shown.Add(n)
	}
}

// Clear removes the bar until the next step, so that a line can be printed.
func (b Bar) Clear() {
	if b.shown != nil {
		_ = b.shown.Clear()
	}
}

// Finish removes the bar.
func (b Bar) Finish() {
	if b.shown != nil {
		_ = b.shown.Finish()
	}
}
