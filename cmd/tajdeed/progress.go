package main

import (
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"
)

// bar is a progress bar where a person waits at a terminal, and nothing elsewhere.
type bar struct{ shown *progressbar.ProgressBar }

// progress begins a bar of so many steps.
func progress(c *cli.Command, total int64, what string) bar {
	if c.Bool("json") || !isatty.IsTerminal(os.Stderr.Fd()) {
		return bar{}
	}
	return bar{progressbar.NewOptions64(total,
		progressbar.OptionSetDescription("· "+what),
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)}
}

func (b bar) add(n int) {
	if b.shown != nil {
		_ = b.shown.Add(n)
	}
}

func (b bar) finish() {
	if b.shown != nil {
		_ = b.shown.Finish()
	}
}
