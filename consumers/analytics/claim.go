package analytics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tajdeed/consumers"
)

// A claim's offset is where the batch begins that is being inserted, and its note says
// where that ends. Without a note, everything before the offset is inserted.
const claimPrefix = "until "

func claimNote(until int64) string { return claimPrefix + strconv.FormatInt(until, 10) }

// unclaimed stands for the offset of a partition that nobody has claimed.
const unclaimed = math.MaxInt64

// readClaim reads what the worker before this one left.
func readClaim(ctx context.Context, claim *consumers.Claim) (consumers.Start, error) {
	if claim == nil {
		return consumers.Start{Next: unclaimed}, nil
	}
	offset, note, err := claim.Read(ctx)
	if err != nil {
		return consumers.Start{}, err
	}
	if offset < 0 {
		return consumers.Start{Next: unclaimed}, nil
	}
	return claimed(offset, note)
}

var errNote = errors.New("its note is none of ours")

// claimed is where a claim's offset and note say to go on. What is still to be inserted ends
// after it begins. A note that says otherwise is an error: the batch would be passed over,
// inserted or not.
func claimed(offset int64, note string) (consumers.Start, error) {
	start := consumers.Start{Next: offset}
	text, open := strings.CutPrefix(note, claimPrefix)
	if !open {
		return start, nil
	}
	until, err := strconv.ParseInt(text, 10, 64)
	if err == nil && until <= offset {
		err = strconv.ErrRange
	}
	if err != nil {
		return start, fmt.Errorf("read the claim: %w: %w", errNote, err)
	}
	start.Until = until
	return start, nil
}
