package renewals

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/postgres/postgrestest"
)

// topics are the tests' installation's, and topic is the one that their messages lie in.
var (
	topics = schema.Topics{Prefix: "test"}
	topic  = topics.Submissions("counter")
)

// record is a database of one test's own and a stage that writes to it.
type record struct {
	testing.TB
	db    *pgxpool.Pool
	stage *Stage
}

func newRecord(t testing.TB) *record {
	t.Helper()
	return &record{TB: t, db: postgrestest.NewByKey(t), stage: New(Config{Topics: topics}, prometheus.NewRegistry())}
}

// register puts what is known of residents into the register.
func (r *record) register(residents ...facts) {
	r.Helper()
	var queue pgx.Batch
	for _, f := range residents {
		y := f.residency
		queue.Queue(`INSERT INTO sponsor VALUES ($1, $2, nullif($3::smallint, 0)) ON CONFLICT DO NOTHING`,
			int64(f.sponsor.ID), f.sponsor.Kind.String(), int16(f.sponsor.Article))
		queue.Queue(`INSERT INTO resident (civil_id, passport_number, passport_country, passport_expires_on) VALUES ($1, $2, $3, $4)`,
			int64(y.CivilID), f.passport.Number, f.passport.Country, f.passport.ExpiresOn.Time())
		if f.resides {
			queue.Queue(`UPDATE resident SET (article, sponsor_id, relation, expires_on) = ($2, $3, $4, $5) WHERE civil_id = $1`,
				int64(y.CivilID), int16(y.Article), int64(y.SponsorID), y.Relation.String(), y.ExpiresOn.Time())
		}
	}
	if err := r.db.SendBatch(r.Context(), &queue).Close(); err != nil {
		r.Fatalf("fill the register: %v", err)
	}
}

// forResident returns the question of another resident, under another application id.
func (q question) forResident(id schema.CivilID) question {
	q.a.CivilID, q.f.residency.CivilID = id, id
	q.a = anew(q.a, int(id%1e9))
	return q
}

// anew is an application like another, under an id of its own and paid for with a receipt of its
// own.
func anew(a schema.Application, n int) schema.Application {
	a.ID, a.Fee.Receipt = numbered(n), fmt.Sprintf("KNET-%09d", n)
	return a
}

// numbered is an application id made of a number.
func numbered(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("0197c3a2-0000-7000-8000-%012d", n))
}

// receivedAt is when the broker received the message at an offset: a little after its
// application was submitted.
func receivedAt(submittedAt time.Time, offset int64) time.Time {
	return submittedAt.Truncate(time.Second).Add(1250 * time.Millisecond).Add(time.Duration(offset%1000) * time.Millisecond)
}

// message is an application as it lies on the topic.
func message(offset int64, a *schema.Application) consumers.Message {
	envelope := schema.Envelope{ID: a.ID.String(), Type: schema.TypeApplicationSubmitted, Source: "/test", Time: a.SubmittedAt}
	return consumers.Message{
		Offset: offset, Time: receivedAt(a.SubmittedAt, offset),
		Key: a.CivilID.Append(nil), Value: a.AppendJSON(nil), Headers: envelope.Headers(),
	}
}

// log numbers applications as messages from an offset on.
func log(from int64, applications ...schema.Application) []consumers.Message {
	messages := make([]consumers.Message, len(applications))
	for i := range applications {
		messages[i] = message(from+int64(i), &applications[i])
	}
	return messages
}

// batch is a run of messages as the engine delivers it.
func batch(partition int, messages ...consumers.Message) *consumers.Batch {
	return &consumers.Batch{
		Topic: topic, Partition: partition, Partitions: partition + 1,
		From: messages[0].Offset, To: messages[len(messages)-1].Offset + 1, Messages: messages,
	}
}

func (r *record) decode(b *consumers.Batch) *effects { return r.joint(b) }

// joint are the effects of batches that are applied as one.
func (r *record) joint(batches ...*consumers.Batch) *effects {
	decoded := make([]consumers.Decoded, len(batches))
	for i, b := range batches {
		decoded[i] = r.stage.Decode(b)
	}
	return r.stage.Effects(decoded).(*effects)
}

// apply applies a batch in a transaction of its own.
func (r *record) apply(b *consumers.Batch) *effects {
	r.Helper()
	e := r.decode(b)
	if err := r.commit(r.Context(), e); err != nil {
		r.Fatalf("apply offsets %d to %d: %v", b.From, b.To, err)
	}
	return e
}

func (r *record) commit(ctx context.Context, e *effects) error {
	return pgx.BeginFunc(ctx, r.db, func(tx pgx.Tx) error { return applyIn(ctx, tx, e) })
}

// applyIn does in a transaction what the engine does.
func applyIn(ctx context.Context, tx pgx.Tx, e *effects) error {
	var ask, last pgx.Batch
	e.LookUp(&ask)
	if err := tx.SendBatch(ctx, &ask).Close(); err != nil {
		return err
	}
	if err := e.Apply(ctx, tx, &last); err != nil {
		return err
	}
	return tx.SendBatch(ctx, &last).Close()
}

// lines asks for one column of text.
func (r *record) lines(sql string, args ...any) []string {
	r.Helper()
	rows, err := r.db.Query(r.Context(), sql, args...)
	if err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		r.Fatalf("%s: %v", sql, err)
	}
	return lines
}

// What the tests compare: a line for each row.
const (
	decisionLines = `SELECT concat_ws(' ', partition, "offset", disposition, outcome, reasons, split_part(policy, '+', 1),
		fee_due_fils, fee_paid_fils, coalesce(old_expiry::text, '-'), coalesce(new_expiry::text, '-'))
		FROM decision ORDER BY partition, "offset"`
	residencyLines   = `SELECT concat_ws(' ', civil_id, expires_on) FROM residency ORDER BY civil_id`
	applicationLines = `SELECT concat_ws(' ', partition, "offset", application_id) FROM application ORDER BY partition, "offset"`
)

// wantLines compares lines and shows the first that differ.
func (r *record) wantLines(sql string, want ...string) {
	r.Helper()
	got := r.lines(sql)
	for i := range max(len(got), len(want)) {
		if line(got, i) != line(want, i) {
			r.Errorf("row %d of %d:\n got %s\nwant %s", i, len(got), line(got, i), line(want, i))
		}
	}
}

func line(lines []string, i int) string {
	if i >= len(lines) {
		return "none"
	}
	return lines[i]
}

// withoutTime are decisions but for when they were taken.
func withoutTime(decisions []schema.Decision) []schema.Decision {
	out := slices.Clone(decisions)
	for i := range out {
		out[i].DecidedAt = time.Time{}
	}
	return out
}
