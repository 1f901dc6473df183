package simulate

import (
	"slices"

	"tajdeed/schema"
)

// The names that are counted, by the places of their counters.
var (
	dispositions = schema.Dispositions()
	outcomes     = schema.Outcomes()
	rules        = schema.Rules()
)

// byOutcome counts by the places of the outcomes.
type byOutcome [4]int

// tally counts the messages as they are made. It uses small arrays, because it counts
// each message.
type tally struct {
	messages, unreadable int
	channels             []schema.Channel
	byChannel            []ChannelCounts
	byDisposition        [8]byOutcome
	byArticle            [256]byOutcome
	byReason             [64]int
	byRule               [256]int

	keepExpected bool
	applications []Expectation
}

func newTally(config Config) tally {
	return tally{
		channels: config.Channels, byChannel: make([]ChannelCounts, len(config.Channels)),
		keepExpected: config.Record,
	}
}

func (t *tally) add(m *Message) {
	e, channel := &m.Expect, &t.byChannel[slices.Index(t.channels, m.Channel)]
	t.messages++
	channel.Messages++
	if !e.Readable() {
		t.unreadable++
		channel.Unreadable++
		t.byRule[slices.Index(rules, e.Rule)]++
		return
	}
	outcome := slices.Index(outcomes, e.Outcome)
	t.byDisposition[slices.Index(dispositions, e.Disposition)][outcome]++
	t.byArticle[e.Article][outcome]++
	for r := range e.Reasons.All() {
		t.byReason[r]++
	}
	if t.keepExpected && e.Disposition == schema.DispositionFirst {
		t.applications = append(t.applications, *e)
	}
}

func (t *tally) counts() Counts {
	c := Counts{
		Messages:     t.messages,
		Unreadable:   t.unreadable,
		Channels:     map[schema.Channel]ChannelCounts{},
		Dispositions: map[schema.Disposition]map[schema.Outcome]int{},
		Articles:     map[schema.Article]map[schema.Outcome]int{},
		Reasons:      map[schema.Reason]int{},
		Rules:        map[schema.Rule]int{},
	}
	for i, channel := range t.channels {
		c.Channels[channel] = t.byChannel[i]
	}
	for i, d := range dispositions {
		c.Dispositions[d] = t.byDisposition[i].named()
	}
	for article, counted := range &t.byArticle {
		if counted != (byOutcome{}) {
			c.Articles[schema.Article(article)] = counted.named()
		}
	}
	for _, r := range schema.AllReasons() {
		c.Reasons[r] = t.byReason[r]
	}
	for i, r := range rules {
		c.Rules[r] = t.byRule[i]
	}
	return c
}

func (b byOutcome) named() map[schema.Outcome]int {
	named := map[schema.Outcome]int{}
	for i, o := range outcomes {
		named[o] = b[i]
	}
	return named
}
