package simulate

import "tajdeed/schema"

// tally counts the messages as they are made. It uses small arrays, because it counts
// each message.
type tally struct {
	messages, unreadable int
	byDisposition        [8][4]int
	byArticle            [256][4]int
	byReason             [64]int
	byRule               [256]int

	keepExpected bool
	applications []Expectation
}

func newTally(config Config) tally { return tally{keepExpected: config.Record} }

func (t *tally) add(e *Expectation) {
	t.messages++
	if !e.Readable() {
		t.unreadable++
		t.byRule[e.Rule]++
		return
	}
	t.byDisposition[e.Disposition][e.Outcome]++
	t.byArticle[e.Article][e.Outcome]++
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
		Dispositions: map[schema.Disposition]map[schema.Outcome]int{},
		Articles:     map[schema.Article]map[schema.Outcome]int{},
		Reasons:      map[schema.Reason]int{},
		Rules:        map[schema.Rule]int{},
	}
	for _, d := range schema.Dispositions() {
		c.Dispositions[d] = outcomes(t.byDisposition[d])
	}
	for article, counted := range &t.byArticle {
		if counted != [4]int{} {
			c.Articles[schema.Article(article)] = outcomes(counted)
		}
	}
	for _, r := range schema.AllReasons() {
		c.Reasons[r] = t.byReason[r]
	}
	for _, r := range schema.Rules() {
		c.Rules[r] = t.byRule[r]
	}
	return c
}

func outcomes(counted [4]int) map[schema.Outcome]int {
	named := map[schema.Outcome]int{}
	for _, o := range schema.Outcomes() {
		named[o] = counted[o]
	}
	return named
}
