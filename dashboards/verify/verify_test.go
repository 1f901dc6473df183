package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/installationtest"
	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// The books of an undamaged run balance, in every term.
func TestBalances(t *testing.T) {
	t.Parallel()
	s := drained(t, 3000)
	v := s.verify()
	v.wantGaps(t)
	sum := v.Totals
	if sum.Consumed != 3000 || sum.accounted() != 3000 || sum.Published != sum.decisions() ||
		sum.ClickHouseRows != sum.decisions() || sum.ClickHouseUnreadable != sum.Quarantined || sum.Answers != 3000 || sum.Unanswered != 0 || sum.QuarantinedPublished != sum.Quarantined || !v.Complete {
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
	s.wantNoIdentity(v.json)
	report := v.Text()
	if !strings.Contains(report, "Balanced: every message is accounted for, once.") {
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
		return fmt.Sprintf(`FROM %s WHERE %s AND "offset" = %d`, table, p.ofRecord(), offset)
	}
	position := func(set string) string {
		return fmt.Sprintf(`UPDATE position SET %s WHERE %s`, set, p.ofRecord())
	}
	quarantined := func(set string) string {
		return fmt.Sprintf(`UPDATE quarantined SET %s WHERE %s AND "offset" = %d`, set, p.ofRecord(), p.u)
	}
	gap := p.gap
	for _, c := range []struct {
		name         string
		damage, undo []string
		want         []string
	}{
		{
			"a decision is deleted",
			[]string{`CREATE TABLE kept AS SELECT * ` + at("decision", p.a), `DELETE ` + at("decision", p.a)},
			[]string{`INSERT INTO decision SELECT * FROM kept`, `DROP TABLE kept`},
			[]string{gap(GapUnaccounted, p.a, p.a), gap(GapPublishedUnknown, p.a, p.a), gap(GapUnknown, p.a, p.a)},
		},
		{
			"a decision is changed",
			[]string{fmt.Sprintf(`UPDATE decision SET fee_paid_fils = fee_paid_fils + 1 WHERE %s AND "offset" = %d`, p.ofRecord(), p.b)},
			[]string{fmt.Sprintf(`UPDATE decision SET fee_paid_fils = fee_paid_fils - 1 WHERE %s AND "offset" = %d`, p.ofRecord(), p.b)},
			[]string{gap(GapPublishedOtherwise, p.b, p.b), gap(GapDifferent, p.b, p.b)},
		},
		{
			"a fine is changed",
			[]string{fmt.Sprintf(`UPDATE decision SET fine_due_fils = fine_due_fils + 1 WHERE %s AND "offset" = %d`, p.ofRecord(), p.b)},
			[]string{fmt.Sprintf(`UPDATE decision SET fine_due_fils = fine_due_fils - 1 WHERE %s AND "offset" = %d`, p.ofRecord(), p.b)},
			[]string{gap(GapPublishedOtherwise, p.b, p.b), gap(GapDifferent, p.b, p.b)},
		},
		{
			"a message in quarantine is deleted",
			[]string{`CREATE TABLE kept AS SELECT * ` + at("quarantined", p.u), `DELETE ` + at("quarantined", p.u)},
			[]string{`INSERT INTO quarantined SELECT * FROM kept`, `DROP TABLE kept`},
			[]string{
				gap(GapUnaccounted, p.u, p.u), gap(GapNoticeUnknown, p.u, p.u), gap(GapQuarantineUnknown, p.u, p.u),
				gap(GapUnreadableUnknown, p.u, p.u),
			},
		},
		{
			"the rule of a message in quarantine is changed",
			[]string{`CREATE TABLE kept AS SELECT * ` + at("quarantined", p.u), quarantined(`rule = 'oversize'`)},
			[]string{quarantined(`rule = (SELECT rule FROM kept)`), `DROP TABLE kept`},
			[]string{gap(GapNoticeOtherwise, p.u, p.u), gap(GapQuarantineOtherwise, p.u, p.u), gap(GapUnreadableDifferent, p.u, p.u)},
		},
		{
			"the field and what was found of a message in quarantine are changed",
			[]string{quarantined(`field = field || 'x', detail = detail || 'x'`)},
			[]string{quarantined(`field = left(field, -1), detail = left(detail, -1)`)},
			[]string{gap(GapNoticeOtherwise, p.u, p.u), gap(GapQuarantineOtherwise, p.u, p.u)},
		},
		{
			"the bytes of a message in quarantine are changed",
			[]string{quarantined(`value = coalesce(value, '') || 'x'`)},
			[]string{quarantined(`value = substring(value FOR length(value) - 1)`)},
			[]string{gap(GapQuarantineOtherwise, p.u, p.u)},
		},
		{
			"a decided message is quarantined too",
			[]string{`INSERT INTO quarantined (topic, partition, "offset", rule, field, detail, header_keys, header_values, received_at)
				SELECT topic, partition, "offset", 'bad_format', '', '', '{}', '{}', now() ` + at("decision", p.a)},
			[]string{`DELETE ` + at("quarantined", p.a)},
			[]string{gap(GapTwice, p.a, p.a), gap(GapNoticeNotPublished, p.a, p.a), gap(GapQuarantineNotPublished, p.a, p.a), gap(GapUnreadableMissing, p.a, p.a)},
		},
		{
			"the position is moved back",
			[]string{position(`next_offset = next_offset - 2, published_offset = published_offset - 2`)},
			[]string{position(`next_offset = next_offset + 2, published_offset = published_offset + 2`)},
			[]string{gap(GapNotConsumed, p.last-1, p.last), gap(GapBatchNotConsumed, p.last-1, p.last)},
		},
		{
			"the position is moved ahead",
			[]string{position(`next_offset = next_offset + 3, published_offset = published_offset + 3`)},
			[]string{position(`next_offset = next_offset - 3, published_offset = published_offset - 3`)},
			[]string{gap(GapEmpty, p.next, p.next+2), gap(GapBatchMissing, p.next, p.next+2)},
		},
		{
			"more was skipped than holds no message",
			[]string{position(`skipped = skipped + 1`)},
			[]string{position(`skipped = skipped - 1`)},
			[]string{gap(GapSkipped, p.first, p.last)},
		},
		{
			"a batch is deleted",
			[]string{`CREATE TABLE kept AS SELECT * FROM batch WHERE ` + p.ofRecord(), `DELETE FROM batch WHERE ` + p.ofRecord()}, //nolint:unqueryvet // whole rows are kept
			[]string{`INSERT INTO batch OVERRIDING SYSTEM VALUE SELECT * FROM kept`, `DROP TABLE kept`},
			[]string{gap(GapBatchMissing, p.first, p.last)},
		},
		{
			"two batches cover the same",
			[]string{fmt.Sprintf(`INSERT INTO batch (topic, partition, from_offset, to_offset, policy) SELECT topic, partition, %d, %d, 'twice' FROM position WHERE %s`, p.a, p.c, p.ofRecord())},
			[]string{`DELETE FROM batch WHERE policy = 'twice'`},
			[]string{gap(GapBatchOverlaps, p.a, p.c-1)},
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
	s := drained(t, 1000)
	p := s.spot()
	again := s.announced(p, p.a, p.b+1)
	s.publish(p.log, again...)
	v := s.verify()
	v.wantGaps(t)
	if v.Totals.Repeated != 2 {
		t.Errorf("%d repeats, want 2", v.Totals.Repeated)
	}
	foreign := again[0]
	foreign.Value = []byte(strings.Replace(string(foreign.Value), fmt.Sprintf(`"offset":%d`, p.a), `"offset":987654`, 1))
	s.publish(p.log, foreign, client.Message{Key: []byte("299999999999"), Value: []byte("nonsense")})
	end := s.end(p.log)
	v = s.verify()
	want := []string{p.gap(GapPublishedUnknown, 987654, 987654), gapLine(p.log, GapForeign, end-1, end-1)}
	v.wantGaps(t, want...)
	s.wantNoIdentity(v.json)

	later := again[0]
	later.Headers = kafka.Headers(schema.Envelope{ID: "1", Type: "tajdeed.later.v1", Source: "/later"}.Headers())
	s.publish(p.log, later)
	elsewhere := p.log
	elsewhere.Topic = s.Topics.Decisions(s.otherChannel(p))
	another := p.log
	another.Partition = (p.log.Partition + 1) % 4
	for _, wrong := range []schema.TopicPartition{elsewhere, another} { // an answer on a place that is not its cause's
		s.publish(wrong, again[0])
		want = append(want, gapLine(wrong, GapForeign, s.end(wrong)-1, s.end(wrong)-1))
	}
	noSimulation := again[0]
	noSimulation.Value = []byte(strings.Replace(string(noSimulation.Value), `,"simulation":true`, ``, 1))
	s.publish(p.log, noSimulation)
	cause := schema.Position{Topic: p.at.Topic, Partition: p.at.Partition, Offset: p.u}
	s.publish(p.log, notice(cause, schema.RuleOversize))
	cause.Offset = p.b // which was decided
	s.publish(p.log, notice(cause, schema.RuleOversize))
	v = s.verify()
	v.wantGaps(t, append(want, p.gap(GapPublishedOtherwise, p.a, p.a), p.gap(GapNoticeOtherwise, p.u, p.u), p.gap(GapNoticeUnknown, p.b, p.b))...)
	if v.Ignored != 1 {
		t.Errorf("%d events of a later edition, want 1", v.Ignored)
	}
}

// A message in quarantine must say once where it came from, and must be in the record.
func TestFindsDamageToTheQuarantineTopic(t *testing.T) {
	t.Parallel()
	s := drained(t, 1000)
	p := s.spot()
	log := schema.TopicPartition{Topic: s.Topics.Quarantine(), Partition: p.at.Partition}
	origin := func(topic string, offset int64) client.Message {
		m := client.Message{Value: []byte("nonsense")}
		for _, h := range [][2]string{
			{schema.HeaderOriginTopic, topic}, {schema.HeaderOriginPartition, fmt.Sprint(p.at.Partition)},
			{schema.HeaderOriginOffset, fmt.Sprint(offset)}, {schema.HeaderOriginTimestamp, "2026-11-25T10:00:00Z"},
			{schema.HeaderQuarantineRule, "not_json"},
		} {
			m.Headers = append(m.Headers, client.Header{Key: h[0], Value: []byte(h[1])})
		}
		return m
	}
	s.publish(log, origin(p.log.Topic, 3)) // the stage analytics has quarantined it
	v := s.verify()
	v.wantGaps(t)
	twice := origin(p.at.Topic, p.u)
	twice.Headers = append(twice.Headers, twice.Headers[0])
	s.publish(log, origin(p.at.Topic, p.a), origin(p.at.Topic, p.u), twice, origin("elsewhere", 0))
	end := s.end(log)
	v = s.verify()
	v.wantGaps(t, p.gap(GapQuarantineUnknown, p.a, p.a), p.gap(GapQuarantineOtherwise, p.u, p.u),
		gapLine(log, GapForeign, end-2, end-2), gapLine(log, GapForeign, end-1, end-1))
}

// announced returns the decisions of a run of the spot's partition as the stage renewals
// announces them.
func (s *installation) announced(p spot, from, to int64) []client.Message {
	s.Helper()
	stage := renewals.New(renewals.Config{Topics: s.Topics, Simulation: true}, prometheus.NewRegistry())
	messages, err := stage.Announced(s.Context(), s.Postgres, p.at, from, to)
	if err != nil {
		s.Fatal(err)
	}
	for i := range messages {
		messages[i].Offset = 0 // which says in what order answers are published, and is no part of them
	}
	return messages
}

// notice is a notice that a message cannot be read.
func notice(cause schema.Position, rule schema.Rule) client.Message {
	u := schema.NewUnreadable(cause, time.Unix(0, 0), &schema.Error{Rule: rule})
	u.Simulation = true
	envelope := schema.Envelope{ID: "1", Type: schema.TypeUnreadable, Source: "/test"}
	return client.Message{Value: u.AppendJSON(nil), Headers: kafka.Headers(envelope.Headers())}
}

// otherChannel is another one than that of the spot.
func (s *installation) otherChannel(p spot) schema.Channel {
	own, _ := s.Topics.SubmissionsChannel(p.at.Topic)
	return installationtest.Channels()[(slices.Index(installationtest.Channels(), own)+1)%len(installationtest.Channels())]
}

func (s *installation) publish(at schema.TopicPartition, messages ...client.Message) {
	s.Helper()
	for i := range messages {
		messages[i].Topic, messages[i].Partition = at.Topic, at.Partition
	}
	if err := s.Publisher.PublishPlaced(s.Context(), messages); err != nil {
		s.Fatal(err)
	}
}

// end returns the offset at which a partition ends.
func (s *installation) end(at schema.TopicPartition) int64 {
	s.Helper()
	ends, err := kafka.Ends(s.Context(), s.Brokers, at.Topic)
	if err != nil {
		s.Fatal(err)
	}
	return ends[at.Partition].Next
}

// Each channel has books of its own. What a resident sends through two channels is answered
// in both, in the order of each, and a message in between that cannot be read as well.
func TestBooksByChannel(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	messages, err := s.Populate(100).NextMessages(s.Topics, 1)
	if err != nil {
		t.Fatal(err)
	}
	through := func(c schema.Channel, value []byte) {
		m := messages[0]
		m.Topic = s.Topics.Submissions(c)
		if value != nil {
			m.Value = value
		}
		if err := s.Publisher.Publish(t.Context(), []client.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	s.Renewals()
	s.Analytics()
	through("counter", nil)
	through("counter", []byte("nonsense"))
	s.Consumed(2) // so that this channel's is the first
	through("mobile_app", nil)
	through("mobile_app", []byte("nonsense"))
	through("mobile_app", nil)
	v := s.verify(withWait(time.Minute))
	v.wantGaps(t)
	want := map[schema.Channel]Terms{
		"counter": {
			Consumed: 2, Decided: 1, Quarantined: 1, Answers: 2, Published: 1, Notices: 1,
			QuarantinedPublished: 1, ClickHouseRows: 1, ClickHouseUnreadable: 1,
		},
		"mobile_app": {
			Consumed: 3, Duplicates: 2, Quarantined: 1, Answers: 3, Published: 2, Notices: 1,
			QuarantinedPublished: 1, ClickHouseRows: 2, ClickHouseUnreadable: 1,
		},
	}
	var sum Terms
	for _, c := range v.Channels {
		if c.Terms != want[c.Channel] || !c.Balanced || c.Topic != s.Topics.Submissions(c.Channel) || len(c.Partitions) != 4 {
			t.Errorf("%s: %+v, want %+v", c.Channel, c, want[c.Channel])
		}
		sum.add(&c.Terms)
	}
	if len(v.Channels) != len(installationtest.Channels()) || sum != v.Totals || !v.Complete || !v.Simulation {
		t.Errorf("%d channels with %+v in all, totals %+v", len(v.Channels), sum, v.Totals)
	}
}

// Without the topics of a channel nothing can be said: that is an error and no balance.
func TestRefusesTopicsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	conn := &client.Client{Addr: client.TCP(s.Brokers...), Timeout: time.Minute}
	s.verify()
	without := func(want error, topics ...string) {
		t.Helper()
		if _, err := conn.DeleteTopics(t.Context(), &client.DeleteTopicsRequest{Topics: topics}); err != nil {
			t.Fatal(err)
		}
		installationtest.Eventually(t, func() error { // a deletion takes the brokers a moment
			if _, err := Run(t.Context(), s.config()); !errors.Is(err, want) {
				return fmt.Errorf("without %v: %w", topics, cmp.Or(err, errors.New("no error")))
			}
			return nil
		})
	}
	without(kafka.ErrTopicMissing, s.Topics.Decisions("counter"))
	var all []string
	for _, c := range installationtest.Channels() {
		all = append(all, s.Topics.Submissions(c), s.Topics.Decisions(c))
	}
	without(kafka.ErrNoChannel, all...)
	without(kafka.ErrTopicMissing, s.Topics.Quarantine())
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
	paid := f.decision(&d)
	if paid == early {
		t.Error("another fee makes no other fingerprint")
	}
	d.FineDue++
	if f.decision(&d) == paid {
		t.Error("another fine makes no other fingerprint")
	}
}

// The report fits a terminal, however large its figures and however many gaps there are.
func TestReportFits(t *testing.T) {
	t.Parallel()
	topics := schema.Topics{Prefix: schema.DefaultPrefix}
	b := newBooks(topics, true)
	b.TakenAt, b.Seconds, b.Ignored = time.Date(2026, 11, 23, 14, 0, 0, 0, schema.Kuwait), 123.4, 9_999_999
	for partition := range 12 {
		p := b.partition(topics.Submissions("a_channel_with_the_longest_name_"), partition)
		p.Next, p.Watermark = 9_999_999, Watermark{9_999_999, 9_999_999, 9_999_999}
		p.Terms = Terms{
			Consumed: 999_999, Decided: 999_999, Applied: 9_999, Duplicates: 9_999, Conflicts: 9_999, Quarantined: 9_999,
			Answers: 999_999, ClickHouseRows: 999_999, Pending: Pending{99_999, 99_999, 99_999, 99_999},
		}
		for _, kind := range gapKinds {
			for i := range int64(60) {
				p.addGap(kind, 9_000_000+10*i, 9_000_001+11*i)
			}
		}
	}
	b.Strays = []Stray{{topics.Decisions("counter"), 11, Gap{GapForeign, 9_999_999, 9_999_999}}}
	b.Repair = &Repair{9_999_999, 9_999_999, 9_999_999, 9_999_999}
	b.balance(b.TakenAt)
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
