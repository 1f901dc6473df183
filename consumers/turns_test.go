package consumers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tajdeed/schema"
)

// waiting writes sessions as "x/0@3": a topic's partition, and when it was served last.
func waiting(written string) (sessions []*session) {
	for field := range strings.FieldsSeq(written) {
		s := &session{worker: &worker{}}
		var at string
		_, _ = fmt.Sscanf(strings.ReplaceAll(field, "@", " "), "%s %d", &at, &s.served)
		topic, partition, _ := strings.Cut(at, "/")
		s.at = schema.TopicPartition{Topic: topic, Partition: int(partition[0] - '0')}
		sessions = append(sessions, s)
	}
	return sessions
}

func TestTopicsTakeTurns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, sessions, want string }{
		{"none", "", ""},
		{"a topic's partition that was served longest ago", "x/0@3 x/1@1 x/2@2", "x/1 x/2 x/0"},
		{"topics by turns, however many partitions they have", "x/0@1 x/1@2 x/2@3 y/0@0", "y/0 x/0 x/1 x/2"},
		{"the topic that was not served last comes first", "x/0@1 x/1@0 y/0@4 y/1@2", "x/1 y/1 x/0 y/0"},
		{"what was never served comes first", "x/0@7 y/0@6 z/0@0", "z/0 y/0 x/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sessions := waiting(c.sessions)
			takeTurns(sessions)
			got := partitionsOf(sessions, func(s *session) schema.TopicPartition { return s.at })
			if text := strings.Trim(fmt.Sprint(got), "[]"); text != c.want {
				t.Errorf("asked for in the order %s, want %s", text, c.want)
			}
		})
	}
}

// Of two topics with a backlog each is served every other time, though one has one partition
// behind and the other nine.
func TestSharesAreByTopic(t *testing.T) {
	t.Parallel()
	var all []string
	for p := range 9 {
		all = append(all, fmt.Sprintf("x/%d@0", p))
	}
	sessions, served := waiting(strings.Join(all, " ")+" y/0@0"), map[schema.TopicPartition]int{}
	for fetch := range int64(180) {
		takeTurns(sessions)
		sessions[0].served = fetch + 1 // an answer has room for one
		served[sessions[0].at]++
	}
	for at, n := range served {
		want := 10
		if at.Topic == "y" {
			want = 90
		}
		if n != want {
			t.Errorf("%s is served %d times, want %d", at, n, want)
		}
	}
}

// Attempts for a backlog leave a turn to the others, and the others one to them.
func TestTurns(t *testing.T) {
	t.Parallel()
	e := &Engine{turns: newTurns(2)}
	busy, done := make(chan struct{}), make(chan struct{}, 3)
	free := func() {
		close(busy)
		for range 3 {
			<-done
		}
		busy = make(chan struct{})
	}
	hold := func(backlog bool) {
		entered, busy := make(chan struct{}), busy
		go func() {
			_ = e.inTurn(t.Context(), backlog, func(context.Context) error {
				close(entered)
				<-busy
				return nil
			})
			done <- struct{}{}
		}()
		<-entered
	}
	refused := func(backlog bool) {
		t.Helper()
		ctx, cancel := context.WithCancelCause(t.Context())
		never := errors.New("no turn is free")
		cancel(never)
		for range 20 { // a free one would be taken now and then
			if err := e.inTurn(ctx, backlog, func(context.Context) error { return nil }); !errors.Is(err, never) {
				t.Fatalf("backlog %t: it had a turn", backlog)
			}
		}
	}
	hold(true)
	hold(true)
	refused(true)
	hold(false)
	refused(false)
	free()
	hold(false)
	hold(false)
	hold(true)
	refused(true)
	refused(false)
	free()
}
