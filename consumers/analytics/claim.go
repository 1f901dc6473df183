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
// where that ends and, if its rows are inserted together with those of other partitions, by
// which block. Without a note, everything before the offset is inserted.
const (
	claimPrefix = "until "
	claimWith   = " with "
)

// claimNote names the block by its token, which is empty for a block of the partition's own.
func claimNote(until int64, joint string) string {
	note := claimPrefix + strconv.FormatInt(until, 10)
	if joint != "" {
		note += claimWith + joint
	}
	return note
}

// unclaimed stands for the offset of a partition that nobody has claimed.
const unclaimed = math.MaxInt64

// readClaim reads what the worker before this one left: where to go on, and the token of the
// block in which the first batch may be already, if that is one of several partitions.
func readClaim(ctx context.Context, claim *consumers.Claim) (start consumers.Start, joint string, err error) {
	if claim == nil {
		return consumers.Start{Next: unclaimed}, "", nil
	}
	offset, note, err := claim.Read(ctx)
	if err != nil {
		return consumers.Start{}, "", err
	}
	if offset < 0 {
		return consumers.Start{Next: unclaimed}, "", nil
	}
	return claimed(offset, note)
}

var errNote = errors.New("its note is none of ours")

// claimed is where a claim's offset and note say to go on, and with which block. What is still
// to be inserted ends after it begins. A note that says otherwise is an error: the batch would
// be passed over, inserted or not.
func claimed(offset int64, note string) (start consumers.Start, joint string, err error) {
	start = consumers.Start{Next: offset}
	text, open := strings.CutPrefix(note, claimPrefix)
	if !open {
		return start, "", nil
	}
	text, joint, isJoint := strings.Cut(text, claimWith)
	until, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (until <= offset || isJoint && joint == "") {
		err = strconv.ErrRange
	}
	if err != nil {
		return start, "", fmt.Errorf("read the claim: %w: %w", errNote, err)
	}
	start.Until = until
	return start, joint, nil
}
