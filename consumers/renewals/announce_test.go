package renewals

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// What a worker reads again after a crash is byte for byte what the one before it
// published, or would have.
func TestAnnouncedIsWhatWasAnnounced(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	residents, applications := crowd(5, 60)
	for i := range applications {
		applications[i].SubmittedAt = applications[i].SubmittedAt.Add(time.Duration(i) * 1234567 * time.Nanosecond)
	}
	r.register(residents...)
	messages := log(10, applications...)
	for i := range messages {
		messages[i].Time = messages[i].Time.Add(987654321 * time.Nanosecond)
	}
	messages[7].Value = []byte("unreadable")
	announced := r.apply(batch(2, messages[:40]...)).Announcements(0)
	announced = append(announced, r.apply(batch(2, messages[40:]...)).Announcements(0)...)
	if len(announced) != 59 {
		t.Fatalf("%d announcements, want 59", len(announced))
	}
	for _, part := range []struct{ from, to int64 }{{10, 70}, {0, 1000}, {25, 50}, {17, 18}, {70, 80}} {
		r.wantAnnounced(part.from, part.to, announced)
	}
}

// wantAnnounced reads a part again and compares it with what was announced.
func (r *record) wantAnnounced(from, to int64, announced []kafka.Message) {
	r.Helper()
	got, err := r.stage.Announced(r.Context(), r.db, schema.TopicPartition{Topic: topic, Partition: 2}, from, to)
	if err != nil {
		r.Fatalf("read %d to %d again: %v", from, to, err)
	}
	var want []kafka.Message
	for _, m := range announced {
		if d := r.readAnnouncement(m); d.Cause.Offset >= from && d.Cause.Offset < to {
			want = append(want, m)
		}
	}
	if len(got) != len(want) {
		r.Fatalf("%d to %d: %d announcements, want %d", from, to, len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Key, want[i].Key) || !bytes.Equal(got[i].Value, want[i].Value) || !reflect.DeepEqual(got[i].Headers, want[i].Headers) {
			r.Errorf("announcement %d:\n got %s %s %s\nwant %s %s %s", i,
				got[i].Key, got[i].Value, got[i].Headers, want[i].Key, want[i].Value, want[i].Headers)
		}
	}
}

// readAnnouncement reads a message as the contract says.
func (r *record) readAnnouncement(m kafka.Message) schema.Decision {
	r.Helper()
	answer, err := schema.ReadAnswer(m.Key, m.Value, kafkaschema.FromHeaders(m.Headers))
	if err != nil || answer.Type != schema.TypeDecision {
		r.Fatalf("what is announced cannot be read: %q, %v", answer.Type, err)
	}
	if m.Offset != answer.Decision.Cause.Offset {
		r.Errorf("the announcement of offset %d names %d", answer.Decision.Cause.Offset, m.Offset)
	}
	return answer.Decision
}

// An announcement is an event whose id is the position of its cause.
func TestAnnouncementsAreEvents(t *testing.T) {
	t.Parallel()
	decision := schema.Decision{
		Cause: schema.Position{Topic: "tajdeed.submissions.counter", Partition: 11, Offset: 1<<53 - 1}, CivilID: civilID,
		DecidedAt: clock("2026-03-15", "10:00:00.5"),
	}
	m := messages([]schema.Decision{decision})[0]
	got, err := schema.ReadEnvelope(kafkaschema.FromHeaders(m.Headers))
	want := schema.Envelope{
		ID: "tajdeed.submissions.counter/11/9007199254740991", Type: schema.TypeDecision, Source: "/tajdeed/renewals", Time: decision.DecidedAt,
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if string(m.Key) != civilID.String() {
		t.Errorf("the key is not the Civil ID of the cause")
	}
}

// A transaction that was rolled back leaves nothing, and the next attempt writes
// what the first would have.
func TestRolledBackAndAppliedAgain(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	residents, applications := crowd(5, 60)
	r.register(residents...)
	before := r.lines(residencyLines)
	e := r.decode(batch(0, log(0, applications...)...))
	fault := errors.New("the connection broke")
	err := pgx.BeginFunc(t.Context(), r.db, func(tx pgx.Tx) error {
		return errors.Join(applyIn(t.Context(), tx, e), fault)
	})
	if !errors.Is(err, fault) {
		t.Fatal(err)
	}
	r.wantLines(decisionLines)
	r.wantLines(applicationLines)
	r.wantLines(residencyLines, before...)

	would := withoutTime(e.decisions)
	if err := r.commit(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(withoutTime(e.decisions), would) {
		t.Error("the second attempt decided otherwise")
	}
	stored, err := r.stage.Decisions(t.Context(), r.db, schema.TopicPartition{Topic: topic}, 0, 60)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(messages(withoutTime(stored)), messages(would)) {
		t.Error("the record holds something else than was decided")
	}
}

// A decision counts once it is committed, by what it says.
func TestMetricsCountDecisions(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q := under2025()
	r.register(q.f)
	faulty := q.forResident(otherCivilID).a
	e := r.apply(batch(0, log(0, q.a, q.a, faulty)...))
	if n := len(e.Announcements(0)); n != 3 {
		t.Fatalf("%d announcements, want 3", n)
	}
	for _, c := range []struct{ outcome, disposition string }{
		{"approved", "first"}, {"approved", "resend"}, {"rejected", "first"},
	} {
		if n := testutil.ToFloat64(r.stage.metrics.decisions.WithLabelValues(c.outcome, c.disposition)); n != 1 {
			t.Errorf("%s %s counts %v, want 1", c.disposition, c.outcome, n)
		}
	}
	if n := testutil.ToFloat64(r.stage.metrics.reasons.WithLabelValues("identity_mismatch")); n != 1 {
		t.Errorf("identity_mismatch counts %v, want 1", n)
	}
}

func TestMetricsPassTheLinter(t *testing.T) {
	t.Parallel()
	m := New(Config{}, nil).metrics
	for _, c := range []prometheus.Collector{m.decisions, m.reasons, m.misplaced} {
		problems, err := testutil.CollectAndLint(c)
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
	}
}
