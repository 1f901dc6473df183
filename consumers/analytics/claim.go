package analytics

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tajdeed/consumers"
)

// A claim's note says where the block ends that is being inserted; the claim's
// offset is where it begins. Without a note, everything before the offset is in.
const claimPrefix = "until "

func claimNote(until int64) string { return claimPrefix + strconv.FormatInt(until, 10) }

// unclaimed stands for the offset of a partition that nobody has claimed.
const unclaimed = math.MaxInt64

// readClaim reads what the sink before this one left.
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
	start := consumers.Start{Next: offset}
	if text, open := strings.CutPrefix(note, claimPrefix); open {
		if start.Until, err = strconv.ParseInt(text, 10, 64); err != nil {
			return start, fmt.Errorf("read the claim: its note is none of ours: %w", err)
		}
	}
	return start, nil
}
