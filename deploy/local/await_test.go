package local

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAwait(t *testing.T) {
	t.Parallel()
	away := errors.New("the store is away")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		errs []error // of the questions before the one that is done
		want error
	}{
		{"at once", t.Context(), nil, nil},
		{"a store that comes back", t.Context(), []error{nil, away, away, nil, away}, nil},
		{"nobody waits any more", ended, []error{nil}, context.Canceled},
		{"nobody waits any more for a store that is away", ended, []error{away}, away},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			err := Patience{Every: time.Millisecond, Still: time.Minute}.Await(c.ctx, "it", func() (int64, bool, error) {
				asked++
				if asked > len(c.errs) {
					return int64(asked), true, nil
				}
				return int64(asked), false, c.errs[asked-1]
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if c.want == nil && asked != len(c.errs)+1 {
				t.Errorf("asked %d times, want %d", asked, len(c.errs)+1)
			}
		})
	}
}

func TestAwaitWhatStandsStill(t *testing.T) {
	t.Parallel()
	err := Patience{Every: time.Millisecond, Still: 5 * time.Millisecond}.Await(t.Context(), "it", func() (int64, bool, error) { return 7, false, nil })
	if !errors.Is(err, ErrStandsStill) {
		t.Errorf("%v", err)
	}
	wantSentence(t, err, "wait for it, at 7")
}

// What does not answer is not known to stand still.
func TestAwaitWhatIsAway(t *testing.T) {
	t.Parallel()
	away := errors.New("the store is away")
	err := Patience{Every: time.Millisecond, Still: time.Millisecond, Away: 10 * time.Millisecond}.Await(t.Context(), "it", func() (int64, bool, error) {
		return 0, false, away
	})
	if !errors.Is(err, away) || errors.Is(err, ErrStandsStill) {
		t.Errorf("%v, want %v", err, away)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	if !Pause(t.Context(), time.Millisecond) {
		t.Error("a pause that nothing ends says that it was ended")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if Pause(ctx, time.Hour) {
		t.Error("a pause whose context has ended says that it waited to the end")
	}
}
