package main

import (
	"context"
	"errors"
)

func (b *bench) latency(context.Context, benchLoad, int) (benchRun, error) {
	return benchRun{}, errors.New("not yet")
}
