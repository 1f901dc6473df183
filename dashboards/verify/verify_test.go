package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/installationtest"
	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema"
)

// The books of an undamaged run balance, in every term.
func TestBalances(t *testing.T) {
	t.Parallel()
	s := drained(t, 3000)
	v := s.verify()
	v.wantGaps(t)
	sum := v.Totals
	if sum.Consumed != 3000 || sum.accounted() != 3000 || sum.Published != sum.decisions() || sum.Answers != 3000 || sum.Notices != sum.Quarantined ||
		sum.ClickHouseRows != sum.decisions() || sum.ClickHouseUnreadable != sum.Quarantined ||
		sum.QuarantinedPublished != sum.Quarantined || !v.Complete || !v.Simulation {
		t.Errorf("totals: %+v", sum)
	}
	if sum.Duplicates == 0 || sum.Conflicts == 0 || sum.Quarantined == 0 {
		t.Errorf("a term is 0, so this run proves nothing of it: %+v", sum)
	}
	for p := range v.all {
		if p.Watermark.least() != p.Next || v.Watermark[p.at().String()] != p.Next {
			t.Errorf("%s: %+v, want verified up to %d", p.at(), p.Watermark, p.Next)
		}
	}
	var inChannels Terms
	for _, c := range v.Channels {
		if c.Consumed == 0 || !c.Balanced {
			t.Errorf("%s: %+v", c.Channel, c)
		}
		inChannels.add(&c.Terms)
	}
	if len(v.Channels) != len(installationtest.Channels()) || inChannels != sum {
		t.Errorf("the channels' sums are %+v, want %+v", inChannels, sum)
	}
	s.wantNoIdentity(v.json)
	report := v.Text()
	if !strings.Contains(report, "Balanced: every message is accounted for, once.") || !strings.Contains(report, "SIMULATION") {
		t.Errorf("report:\n%s", report)
	}
	texttest.Fits(t, report)
	s.wantNoIdentity(report)
}

// wantNoIdentity fails if a report holds what could be the number of a person or a sponsor.
func (s *installation) wantNoIdentity(report string) {
	s.Helper()
	if found := regexp.MustCompile(`\b([23]\d{11}|\d{9})\b`).FindString(report); found != "" {
		s.Errorf("the report names %s", found)
	}
}

// Each damage to the record is found and named exactly, and a repair does not touch it. The
// test undoes the damage before the next one.
func TestFindsDamageToTheRecord(t *testing.T) {
	t.Parallel()
	s := drained(t, 2000)
	p := s.spot()
	at := func(table string, offset int64) string {
		return fmt.Sprintf(`FROM %s WHERE %s AND "offset" = %d`, table, p.recorded(), offset)
	}
	position := func(set string) string {
		return fmt.Sprintf(`UPDATE position SET %s WHERE %s`, set, p.recorded())
	}
	for _, c := range []struct {
		name         string
		damage, undo []string
		want         []string
	}{
		{
			"a decision is deleted",
			[]string{`CREATE TABLE kept AS SELECT * ` + at("decision", p.a), `DELETE ` + at("decision", p.a)},
			[]string{`INSERT INTO decision SELECT * FROM kept`, `DROP TABLE kept`},
			[]string{p.gap(GapUnaccounted, p.a, p.a), p.gap(GapPublishedUnknown, p.a, p.a), p.gap(GapUnknown, p.a, p.a)},
		},
		{
			"a decision is changed",
			[]string{fmt.Sprintf(`UPDATE decision SET fee_paid_fils = fee_paid_fils + 1 WHERE %s AND "offset" = %d`, p.recorded(), p.b)},
			[]string{fmt.Sprintf(`UPDATE decision SET fee_paid_fils = fee_paid_fils - 1 WHERE %s AND "offset" = %d`, p.recorded(), p.b)},
			[]string{p.gap(GapPublishedOtherwise, p.b, p.b), p.gap(GapDifferent, p.b, p.b)},
		},
		{
			"a decided message is quarantined too",
			[]string{`INSERT INTO quarantined (topic, partition, "offset", rule, field, detail, header_keys, header_values, received_at)
				SELECT topic, partition, "offset", 'bad_format', '', '', '{}', '{}', now() ` + at("decision", p.a)},
			[]string{`DELETE ` + at("quarantined", p.a)},
			[]string{p.gap(GapTwice, p.a, p.a), p.gap(GapQuarantineNotPublished, p.a, p.a), p.gap(GapNoticeNotPublished, p.a, p.a), p.gap(GapUnreadableMissing, p.a, p.a)},
		},
		{
			"the position is moved back",
			[]string{position(`next_offset = next_offset - 2, published_offset = published_offset - 2`)},
			[]string{position(`next_offset = next_offset + 2, published_offset = published_offset + 2`)},
			[]string{p.gap(GapNotConsumed, p.last-1, p.last), p.gap(GapBatchNotConsumed, p.last-1, p.last)},
		},
		{
			"the position is moved ahead",
			[]string{position(`next_offset = next_offset + 3, published_offset = published_offset + 3`)},
			[]string{position(`next_offset = next_offset - 3, published_offset = published_offset - 3`)},
			[]string{p.gap(GapEmpty, p.next, p.next+2), p.gap(GapBatchMissing, p.next, p.next+2)},
		},
		{
			"more was skipped than holds no message",
			[]string{position(`skipped = skipped + 1`)},
			[]string{position(`skipped = skipped - 1`)},
			[]string{p.gap(GapSkipped, p.first, p.last)},
		},
		{
			"a batch is deleted",
			[]string{`CREATE TABLE kept AS SELECT * FROM batch WHERE ` + p.recorded(), `DELETE FROM batch WHERE ` + p.recorded()}, //nolint:unqueryvet // whole rows are kept
			[]string{`INSERT INTO batch OVERRIDING SYSTEM VALUE SELECT * FROM kept`, `DROP TABLE kept`},
			[]string{p.gap(GapBatchMissing, p.first, p.last)},
		},
		{
			"two batches cover the same",
			[]string{fmt.Sprintf(`INSERT INTO batch (topic, partition, from_offset, to_offset, policy) SELECT topic, partition, %d, %d, 'twice' FROM position WHERE %s`, p.a, p.c, p.recorded())},
			[]string{`DELETE FROM batch WHERE policy = 'twice'`},
			[]string{p.gap(GapBatchOverlaps, p.a, p.c-1)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.damageRecord(t, c.damage...)
			found := s.verify()
			found.wantGaps(t, c.want...)
			repaired := s.repair()
			repaired.wantGaps(t, c.want...) // a repair changes ClickHouse only
			if done := repaired.Repair.changed(); done != 0 {
				t.Errorf("%d rows of ClickHouse were touched: %+v", done, repaired.Repair)
			}
			s.damageRecord(t, c.undo...)
		})
	}
	v := s.verify()
	v.wantGaps(t)
}

// Damage to the topics is found: messages that are not in the record, and messages that no
// stage publishes. A message that lies there again is counted, and is no damage.
func TestFindsDamageToTheTopics(t *testing.T) {
	t.Parallel()
	s := drained(t, 2000)
	p := s.spot()
	stage := renewals.New(renewals.Config{Topics: s.Topics, Simulation: true}, prometheus.NewRegistry())
	again, err := stage.Announced(t.Context(), s.Postgres, p.TopicPartition, p.a, p.b+1)
	if err != nil {
		t.Fatal(err)
	}
	s.publishAnswers(p, again...)
	v := s.verify()
	v.wantGaps(t)
	if v.Totals.Repeated != 2 {
		t.Errorf("%d repeats, want 2", v.Totals.Repeated)
	}
	foreign := again[0]
	foreign.Value = []byte(strings.Replace(string(foreign.Value), fmt.Sprintf(`"offset":%d`, p.a), `"offset":987654`, 1))
	s.publishAnswers(p, foreign, client.Message{Key: []byte("299999999999"), Value: []byte("nonsense")})
	end := s.answersEnd(p)
	v = s.verify()
	v.wantGaps(t, p.gap(GapPublishedUnknown, 987654, 987654),
		gapLine(schema.TopicPartition{Topic: p.answersTo, Partition: p.Partition}, GapUnreadable, end-1, end-1))
	s.wantNoIdentity(v.json)
}

// publishAnswers publishes messages where the spot's messages are answered.
func (s *installation) publishAnswers(p spot, messages ...client.Message) {
	s.Helper()
	for i := range messages {
		messages[i].Topic, messages[i].Partition = p.answersTo, p.Partition
	}
	if err := s.Publisher.PublishPlaced(s.Context(), messages); err != nil {
		s.Fatal(err)
	}
}

// answersEnd returns the offset at which the partition of the spot's answers ends.
func (s *installation) answersEnd(p spot) int64 {
	s.Helper()
	conn, err := client.DialLeader(s.Context(), "tcp", s.Brokers[0], p.answersTo, p.Partition)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	end, err := conn.ReadLastOffset()
	if err != nil {
		s.Fatal(err)
	}
	return end
}

// While messages flow, what is still on its way is never reported as an imbalance.
func TestBalancesWhileMessagesFlow(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	simulation := s.Populate(10_000)
	v := s.verify() // nothing was published, nobody has read anything
	v.wantGaps(t)
	s.Analytics().Ready()
	s.Renewals(smallBatches).Ready()
	publishing, done := context.WithCancel(t.Context())
	go func() {
		defer done()
		for range 100 {
			s.Publish(simulation, 100)
		}
	}()
	verifications, pending := 0, 0
	for publishing.Err() == nil || !v.Complete || v.Totals.Consumed < 10_000 {
		v = s.verify()
		v.wantGaps(t)
		verifications++
		if !v.Complete {
			pending++
		}
		if t.Failed() {
			return
		}
	}
	if verifications < 3 || pending == 0 {
		t.Errorf("%d verifications, %d of them while something was pending: this proves nothing", verifications, pending)
	}
	t.Logf("%d verifications, %d of them while something was pending", verifications, pending)
}

// A wait ends when everything that was on the topics is decided, announced and inserted, or
// when its time is over; then the books say what is pending.
func TestWaits(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	s.Publish(s.Populate(1000), 1000)
	if v := s.verify(withWait(200 * time.Millisecond)); v.Complete || !v.Balanced || v.Totals.Pending.Consume != 1000 {
		t.Errorf("no stage runs: %+v", v.Totals)
	}
	s.Renewals()
	s.Analytics()
	begin := time.Now()
	v := s.verify(withWait(2 * time.Minute))
	v.wantGaps(t)
	if v.Totals.ClickHouseRows != v.Totals.decisions() || v.Totals.Consumed != 1000 || time.Since(begin) > 90*time.Second {
		t.Errorf("after the wait: %+v", v.Totals)
	}
	installationtest.Eventually(t, func() error { // partitions without new messages don't hold it back
		var until time.Time
		err := s.ClickHouse.QueryRow(t.Context(), `SELECT complete_up_to FROM complete_up_to`).Scan(&until)
		if err == nil && until.Before(begin) {
			err = fmt.Errorf("complete up to %s, want %s", until, begin)
		}
		return err
	})
}

// The program and both databases make the same fingerprints. The runs of other tests prove it
// for the values that they hold; this test looks at values that they don't hold.
func TestFingerprintOfExtremes(t *testing.T) {
	t.Parallel()
	var f fingerprinter
	d := schema.Decision{SubmittedAt: time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC)}
	early := f.decision(&d)
	d.SubmittedAt = d.SubmittedAt.Truncate(time.Microsecond)
	if f.decision(&d) != early {
		t.Error("a nanosecond, which no database keeps, makes another fingerprint")
	}
	d.FeePaid++
	if f.decision(&d) == early {
		t.Error("another fee makes no other fingerprint")
	}
}

// The report fits a terminal, however large its figures and however many gaps there are.
func TestReportFits(t *testing.T) {
	t.Parallel()
	b := &Books{TakenAt: time.Date(2026, 11, 23, 14, 0, 0, 0, schema.Kuwait), Seconds: 123.4, Watermark: map[string]int64{}}
	for partition := range 12 {
		p := b.partition("tajdeed.submissions.government_portal", partition)
		p.Next, p.Watermark = 999_999, Watermark{999_999, 999_999, 999_999}
		p.Terms = Terms{
			Consumed: 999_999, Decided: 999_999, Applied: 9_999, Duplicates: 9_999, Conflicts: 9_999, Quarantined: 9_999,
			Published: 999_999, ClickHouseRows: 999_999, Pending: Pending{99_999, 99_999, 99_999, 99_999},
		}
		for _, kind := range gapKinds {
			for i := range int64(60) {
				p.addGap(kind, 9_000_000+10*i, 9_000_001+11*i)
			}
		}
	}
	b.Strays = []Stray{{"tajdeed.decisions.government_portal", 11, Gap{GapUnreadable, 9_999_999, 9_999_999}}}
	b.Repair = &Repair{9_999_999, 9_999_999, 9_999_999, 9_999_999}
	b.balance(b.TakenAt, schema.Topics{Prefix: schema.DefaultPrefix})
	report := b.Text()
	texttest.Fits(t, report)
	for _, kind := range gapKinds {
		if gapTexts[kind] == "" || !strings.Contains(report, gapTexts[kind]) {
			t.Errorf("%s is not in the report", kind)
		}
	}
	if !strings.HasPrefix(report, "NOT BALANCED") || !strings.Contains(report, "9000010–9000011") {
		t.Errorf("report:\n%s", report)
	}
}
