package chaos

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// The tests have all messages on one partition, whoever sent them.
const testChannel schema.Channel = "counter"

var (
	testTopics = schema.Topics{Prefix: "test"}
	testLog    = schema.TopicPartition{Topic: testTopics.Submissions(testChannel)}
)

// published publishes n messages of a simulation, and returns them as a topic holds them.
func published(t *testing.T, n int) (*expected, []*kgo.Record) {
	t.Helper()
	s, err := simulate.New(simulate.Config{Seed: 5, Residents: 200, Duplicates: 0.1, Conflicts: 0.1, Unreadable: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	e, logged := newExpected(), make([]*kgo.Record, n)
	for i := range logged {
		m, _ := s.Next()
		message := m.Kafka(testTopics)
		e.addPublished(&message, m.Expect)
		logged[i] = &kgo.Record{Topic: testLog.Topic, Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			logged[i].Headers = append(logged[i].Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
	}
	return e, logged
}

// A batch that lies on the topic twice is decided twice: the second time as resends,
// conflicts and quarantined messages.
func TestBatchThatWasSentAgain(t *testing.T) {
	t.Parallel()
	const n = 300
	e, logged := published(t, n)
	for range 2 {
		for _, m := range logged {
			e.addLogged(m)
		}
	}
	for i := range n {
		once, again := e.log[testLog][i], e.log[testLog][n+i]
		want := once.disposition
		if want == schema.DispositionFirst {
			want = schema.DispositionResend
		}
		if again.disposition != want || again.expect.Outcome != once.expect.Outcome {
			t.Errorf("message %d: %s, and sent again %s", i, once.text(), again.text())
		}
	}
	if n := e.missing(); n != 0 {
		t.Errorf("%d are said to be missing, and none is", n)
	}
}

// What goes wrong is found, and counted under its kind.
func TestComparisonFinds(t *testing.T) {
	t.Parallel()
	e, logged := published(t, 300)
	for _, m := range logged[:299] {
		e.addLogged(m)
	}
	for name, test := range map[string]struct {
		spoil func(a *announced)
		want  func(f *Findings) int
	}{
		"nothing":                  {func(*announced) {}, func(f *Findings) int { return 1 + f.Lost + f.Unanswered + f.Doubled + f.Misordered + f.Wrong }},
		"a lost decision":          {func(a *announced) { a.answers[testLog][firstOf(e)] = "" }, func(f *Findings) int { return f.Unanswered }},
		"an untold channel":        {func(a *announced) { a.answers[testLog][unreadableOf(e)] = "" }, func(f *Findings) int { return f.Unanswered }},
		"one not in quarantine":    {func(a *announced) { delete(a.quarantined[testLog], int64(unreadableOf(e))) }, func(f *Findings) int { return f.Lost }},
		"another outcome":          {func(a *announced) { a.answers[testLog][firstOf(e)] += "!" }, func(f *Findings) int { return f.Wrong }},
		"a decision of no message": {func(a *announced) { *a.answerTo(position(testLog, 1000)) = "approved" }, func(f *Findings) int { return f.Wrong }},
		"one quarantined as well":  {func(a *announced) { a.quarantined[testLog][int64(firstOf(e))] = "quarantined" }, func(f *Findings) int { return f.Wrong }},
		"one that is out of order": {func(a *announced) { a.misordered = []string{"late"} }, func(f *Findings) int { return f.Misordered }},
		"one of another partition": {func(a *announced) { a.wrong = []string{"elsewhere"} }, func(f *Findings) int { return f.Wrong }},
	} {
		found := Findings{say: func(string) {}}
		a := announcedAsExpected(e)
		test.spoil(a)
		c := comparison{Findings: &found, expected: e}
		c.checkTopics(a)
		if got := test.want(&found); got != 1 {
			t.Errorf("%s: found %+v", name, found)
		}
	}
	found := Findings{say: func(string) {}}
	(&comparison{Findings: &found, expected: e}).checkPublished()
	if found.Lost != 1 {
		t.Errorf("one of 300 published messages is not on the topic, %d are said to be lost", found.Lost)
	}
}

// firstOf is the offset of the first message that can be read.
func firstOf(e *expected) int { return slices.IndexFunc(e.log[testLog], effect.readable) }

// unreadableOf is the offset of the first message that cannot be read.
func unreadableOf(e *expected) int { return slices.IndexFunc(e.log[testLog], unreadable) }

func announcedAsExpected(e *expected) *announced {
	a := newAnnounced(testTopics)
	a.quarantined[testLog] = map[int64]string{}
	for offset, want := range e.log[testLog] {
		if want.readable() {
			*a.answerTo(position(testLog, int64(offset))) = want.text()
		} else {
			*a.answerTo(position(testLog, int64(offset))) = want.text()
			a.quarantined[testLog][int64(offset)] = want.text()
		}
	}
	return a
}

// A decision that is announced after later ones is misordered; one that comes again
// is not.
func TestAnnouncedOutOfOrder(t *testing.T) {
	t.Parallel()
	a := newAnnounced(testTopics)
	for _, offset := range []int64{0, 1, 3, 1, 2, 3} {
		a.addAnswer(decisionMessage(offset))
	}
	if len(a.misordered) != 1 || !strings.HasPrefix(a.misordered[0], testLog.String()+"/2 ") || len(a.wrong) != 0 {
		t.Errorf("misordered: %v, wrong: %v; want only 2, misordered", a.misordered, a.wrong)
	}
}

func decisionMessage(offset int64) *kgo.Record {
	d := schema.Decision{
		Cause: position(testLog, offset), Revision: schema.FirstRevision,
		Disposition: schema.DispositionFirst, Outcome: schema.OutcomeApproved, Policy: "957-2019",
		CivilID: 285010100014, Kind: schema.KindRenewal, Article: 18, SponsorID: 123456789, Months: 12,
		OldExpiry: schema.NewDate(2026, 1, 1), NewExpiry: schema.NewDate(2027, 1, 1),
	}
	d.SubmittedAt = schema.NewDate(2026, 1, 1).Time()
	d.ReceivedAt, d.DecidedAt = d.SubmittedAt, d.SubmittedAt
	m := &kgo.Record{Topic: testTopics.Decisions(testChannel), Key: d.CivilID.Append(nil), Value: d.AppendJSON(nil)}
	for _, h := range (schema.Envelope{ID: "id", Type: schema.TypeDecision, Source: "/test", Time: d.DecidedAt}).Headers() {
		m.Headers = append(m.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return m
}
