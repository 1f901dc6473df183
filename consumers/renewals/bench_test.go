package renewals

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

// benchBatch is the size of a batch under backlog.
const benchBatch = 1000

func BenchmarkDecide(b *testing.B) {
	for _, c := range []struct {
		name   string
		change func(*question)
	}{
		{"approved", func(*question) {}},
		{"rejected", func(q *question) { q.a.Fee, q.a.Insurance = schema.Payment{}, schema.Insurance{} }},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := under2025()
			c.change(&q)
			b.ReportAllocs()
			for b.Loop() {
				q.decide()
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	_, applications := benchCrowd()
	messages := log(0, applications...)
	stage := New(Config{Topics: topics}, nil)
	b.ReportAllocs()
	for b.Loop() {
		stage.Decode(batch(0, messages...))
	}
	perApplication(b)
}

func BenchmarkMessages(b *testing.B) {
	e := benchEffects()
	b.ReportAllocs()
	for b.Loop() {
		messages(e.decisions)
	}
	perApplication(b)
}

func BenchmarkCopy(b *testing.B) {
	e := benchEffects()
	var rows postgres.Copy
	b.ReportAllocs()
	for b.Loop() {
		e.copyDecisions(&rows)
	}
	perApplication(b)
}

// BenchmarkApply is a whole transaction but for the engine's own rows. Each
// application is a resident's own; a batch is applied again and again, and only the
// commit is left out, so that every time finds the same record.
func BenchmarkApply(b *testing.B) {
	r := newRecord(b)
	residents, applications := benchCrowd()
	r.register(residents...)
	e := r.decode(batch(0, log(0, applications...)...))
	rollBack := errors.New("not committed")
	b.ReportAllocs()
	for b.Loop() {
		err := pgx.BeginFunc(context.Background(), r.db, func(tx pgx.Tx) error {
			return errors.Join(applyIn(context.Background(), tx, e), rollBack)
		})
		if len(e.decisions) != benchBatch || e.decisions[benchBatch-1].Disposition != schema.DispositionFirst {
			b.Fatal(err)
		}
	}
	perApplication(b)
}

// BenchmarkCommit is the same with the commit, each time with new applications of
// the same residents, most of which are too early.
func BenchmarkCommit(b *testing.B) {
	r := newRecord(b)
	residents, applications := benchCrowd()
	r.register(residents...)
	from := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for i := range applications {
			applications[i] = anew(applications[i], from+i)
		}
		e := r.decode(batch(0, log(int64(from), applications...)...))
		from += benchBatch
		b.StartTimer()
		if err := r.commit(context.Background(), e); err != nil {
			b.Fatal(err)
		}
	}
	perApplication(b)
}

// perApplication reports the time by application instead of by batch.
func perApplication(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchBatch, "ns/application")
}

// benchCrowd is a batch of approvals, each of another resident.
func benchCrowd() (residents []facts, applications []schema.Application) {
	for i := range benchBatch {
		q := under2025().forResident(resident(i))
		q.a = anew(q.a, i)
		residents, applications = append(residents, q.f), append(applications, q.a)
	}
	return residents, applications
}

// benchEffects are those of a batch that was decided without a database.
func benchEffects() *effects {
	residents, applications := benchCrowd()
	known := newKnowledge(benchBatch)
	for i := range residents {
		known.residents[residents[i].residency.CivilID] = &residents[i]
	}
	stage := New(Config{Topics: topics}, nil)
	e := stage.Effects([]consumers.Decoded{stage.Decode(batch(0, log(0, applications...)...))}).(*effects)
	e.decide(known, receivedAt(applications[0].SubmittedAt, 0))
	return e
}
