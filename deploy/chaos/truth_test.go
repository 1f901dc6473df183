package chaos

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// logged is a message that was published, and then lies on the log so many times.
func logged(t *testing.T, n int) (*truth, []*kgo.Record) {
	t.Helper()
	s, err := simulate.New(simulate.Config{Seed: 5, Residents: 200, Duplicates: 0.1, Conflicts: 0.1, Unreadable: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	what, records := newTruth(1), make([]*kgo.Record, n)
	for i := range records {
		m, _ := s.Next()
		message := m.Kafka()
		what.publishing(&message, m.Expect)
		records[i] = &kgo.Record{Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			records[i].Headers = append(records[i].Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
	}
	return what, records
}

// A batch that lies on the log twice is decided twice: the second time as resends,
// conflicts and quarantined messages.
func TestBatchThatWasSentAgain(t *testing.T) {
	t.Parallel()
	const n = 300
	what, records := logged(t, n)
	for range 2 {
		for _, r := range records {
			what.read(r)
		}
	}
	for i := range n {
		once, again := what.log[0][i], what.log[0][n+i]
		want := once.disposition
		if want == schema.DispositionFirst {
			want = schema.DispositionResend
		}
		if again.disposition != want || again.expect.Outcome != once.expect.Outcome {
			t.Errorf("message %d: %s, and sent again %s", i, once.text(), again.text())
		}
	}
	if n := what.missing(); n != 0 {
		t.Errorf("%d are missing, and none is", n)
	}
}

// What goes wrong is found, and counted as what it is.
func TestComparisonFinds(t *testing.T) {
	t.Parallel()
	what, records := logged(t, 300)
	for _, r := range records[:299] {
		what.read(r)
	}
	for name, test := range map[string]struct {
		spoil func(a *announced)
		want  func(f *Findings) int
	}{
		"nothing":               {func(*announced) {}, func(f *Findings) int { return 1 + f.Lost + f.Doubled + f.Misordered + f.Wrong }},
		"a lost decision":       {func(a *announced) { a.decisions[0][firstOf(what)].text = "" }, func(f *Findings) int { return f.Lost }},
		"another outcome":       {func(a *announced) { a.decisions[0][firstOf(what)].text += "!" }, func(f *Findings) int { return f.Wrong }},
		"a decision of nothing": {func(a *announced) { a.at(0, 1000).text = "approved" }, func(f *Findings) int { return f.Wrong }},
		"one put aside as well": {func(a *announced) { a.aside[0][int64(firstOf(what))] = "quarantined" }, func(f *Findings) int { return f.Doubled }},
		"one out of its turn":   {func(a *announced) { a.late = []string{"late"} }, func(f *Findings) int { return f.Misordered }},
	} {
		found := Findings{say: func(string) {}}
		a := announcedAsExpected(what)
		test.spoil(a)
		c := comparison{Findings: &found, truth: what}
		c.topics(a)
		if got := test.want(&found); got != 1 {
			t.Errorf("%s: found %+v", name, found)
		}
	}
	found := Findings{say: func(string) {}}
	(&comparison{Findings: &found, truth: what}).published()
	if found.Lost != 1 {
		t.Errorf("one of 300 published messages is not on the log, %d are said to be lost", found.Lost)
	}
}

// firstOf is the place of the first message that can be read.
func firstOf(what *truth) int {
	for i, v := range what.log[0] {
		if readable(v) {
			return i
		}
	}
	return -1
}

func announcedAsExpected(what *truth) *announced {
	a := newAnnounced("topic", 1)
	for offset, v := range what.log[0] {
		if readable(v) {
			a.at(0, int64(offset)).text = v.text()
		} else {
			a.aside[0][int64(offset)] = v.text()
		}
	}
	return a
}

// A decision that is announced after later ones is misordered; one that comes again
// is not.
func TestAnnouncedOutOfOrder(t *testing.T) {
	t.Parallel()
	a := newAnnounced("topic", 1)
	for _, offset := range []int64{0, 1, 3, 1, 2, 3} {
		a.decision(decisionRecord(offset))
	}
	if len(a.late) != 1 || !strings.HasPrefix(a.late[0], "0/2 ") || len(a.wrong) != 0 {
		t.Errorf("late: %v, wrong: %v; want 2 late and none wrong", a.late, a.wrong)
	}
}

func decisionRecord(offset int64) *kgo.Record {
	d := schema.Decision{
		Cause:       schema.Position{Topic: "topic", Offset: offset},
		Disposition: schema.DispositionFirst, Outcome: schema.OutcomeApproved, Policy: "957-2019",
		CivilID: 285010100014, Kind: schema.KindRenewal, Article: 18, SponsorID: 123456789, Months: 12,
		Channel: schema.ChannelCounter, OldExpiry: schema.NewDate(2026, 1, 1), NewExpiry: schema.NewDate(2027, 1, 1),
	}
	d.SubmittedAt = schema.NewDate(2026, 1, 1).Time()
	d.ReceivedAt, d.DecidedAt = d.SubmittedAt, d.SubmittedAt
	r := &kgo.Record{Topic: "decisions", Key: d.CivilID.Append(nil), Value: d.AppendJSON(nil)}
	for _, h := range (schema.Envelope{ID: "id", Type: schema.TypeDecision, Source: "/test", Time: d.DecidedAt}).Headers() {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return r
}
