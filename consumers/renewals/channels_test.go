package renewals

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// kiosk is the topic of a second channel.
var kiosk = topics.Submissions("kiosk")

// from returns a batch as one of another topic.
func from(topic string, b *consumers.Batch) *consumers.Batch {
	b.Topic = topic
	return b
}

// byTopicLines are a line for each decision, with its channel.
const byTopicLines = `SELECT concat_ws(' ', channel_of(topic), "offset", disposition, outcome, reasons, coalesce(old_expiry::text, '-'), coalesce(new_expiry::text, '-'))
	FROM decision ORDER BY topic, "offset"`

// One resident may apply by two channels. Each application sees what the one before it left,
// in one transaction as in two; an id that was used by one channel is taken in the other,
// and the same application is the same by whichever channel it comes.
func TestOneResidentByTwoChannels(t *testing.T) {
	t.Parallel()
	q := under2025()
	q.a.Months, q.a.Insurance.To = 1, date("2030-01-01")
	second, conflict := anew(q.a, 1), q.a
	conflict.Months = 2
	want := []string{
		"counter 0 first approved {} 2026-04-10 2026-05-10",
		"kiosk 0 first approved {} 2026-05-10 2026-06-10",
		"kiosk 1 resend approved {} 2026-04-10 2026-05-10",
		"kiosk 2 conflict rejected {application_conflict} - -",
	}
	counters := func() *consumers.Batch { return batch(3, log(0, q.a)...) }
	kiosks := func() *consumers.Batch { return from(kiosk, batch(3, log(0, second, q.a, conflict)...)) }
	for name, apply := range map[string]func(*record) error{
		"in one transaction": func(r *record) error { return r.commit(r.Context(), r.joint(counters(), kiosks())) },
		"one after the other": func(r *record) error {
			r.apply(counters())
			return r.commit(r.Context(), r.decode(kiosks()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRecord(t)
			r.register(q.f)
			if err := apply(r); err != nil {
				t.Fatal(err)
			}
			r.wantLines(byTopicLines, want...)
			r.wantLines(residencyLines, fmt.Sprint(civilID, " 2026-06-10"))
			r.wantLines(`SELECT channel FROM application ORDER BY "offset", channel`, "counter", "kiosk")
		})
	}
}

// A message that does not lie where its key belongs is decided all the same, and counted for
// its channel.
func TestMisplacedKeysAreCounted(t *testing.T) {
	t.Parallel()
	stage := New(Config{Topics: topics}, nil)
	var applications []schema.Application
	for i := range 50 {
		applications = append(applications, under2025().forResident(resident(i)).a)
	}
	const partitions = 12
	read := 0
	for partition := range partitions {
		b := from(kiosk, batch(partition, log(0, applications...)...))
		b.Partitions = partitions
		b.Messages[0].Value = nil // what cannot be read says nothing about its partition
		read += len(stage.Decode(b).(decoded))
	}
	// Every key belongs in one of the partitions.
	misplaced := testutil.ToFloat64(stage.metrics.misplaced.WithLabelValues("kiosk"))
	if want := float64(read - (len(applications) - 1)); misplaced != want {
		t.Errorf("%v of %d are misplaced, want %v", misplaced, read, want)
	}
}

// In a simulation every decision says that it is of one, also when it is announced again, and
// times of another year are believed.
func TestSimulationSaysSo(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	r.stage = New(Config{Topics: topics, Simulation: true}, nil)
	q := under2025()
	r.register(q.f)
	messages := log(0, q.a)
	messages[0].Time = messages[0].Time.AddDate(3, 0, 0)
	announced := r.apply(batch(2, messages...)).Announcements(0)
	r.wantLines(decisionLines, "2 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10")
	if d := r.readAnnouncement(announced[0]); !d.Simulation || d.Revision != schema.FirstRevision {
		t.Errorf("it is announced as %+v", d)
	}
	r.wantAnnounced(0, 1, announced)
}
