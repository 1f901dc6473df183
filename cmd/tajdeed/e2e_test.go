package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	client "github.com/segmentio/kafka-go"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/dashboards/installationtest"
	"tajdeed/deploy/local"
	"tajdeed/deploy/local/localtest"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
)

// One application is followed from the topic to the row in ClickHouse.
func TestOneApplicationFromTopicToRow(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	simulation := s.Populate(200)
	decider, inserter := s.renewals().Ready(), s.analytics().Ready()
	m, ok := simulation.Next()
	for ok && (m.Expect.Disposition != schema.DispositionFirst || m.Expect.Outcome != schema.OutcomeApproved) {
		m, ok = simulation.Next()
	}
	message := m.Kafka(s.Topics)
	if err := s.Publisher.Publish(t.Context(), []client.Message{message}); err != nil {
		t.Fatal(err)
	}
	s.Drained(1)

	var outcome, expiry string
	err := s.Postgres.QueryRow(t.Context(), `SELECT outcome, y.expires_on::text FROM decision d JOIN residency y USING (civil_id)
		WHERE application_id = $1`, m.Expect.ApplicationID).Scan(&outcome, &expiry)
	if err != nil || outcome != "approved" || expiry != m.Expect.NewExpiry.String() {
		t.Errorf("the record has %s until %s (%v), want approved until %s", outcome, expiry, err, m.Expect.NewExpiry)
	}
	s.announces(message.Topic, &m.Expect.ApplicationID, m.Key)
	var submitted, received, decided, published, inserted time.Time
	err = s.ClickHouse.QueryRow(t.Context(), `SELECT submitted_at, received_at, decided_at, published_at, inserted_at FROM decision
		WHERE application_id = $1`, m.Expect.ApplicationID.String()).Scan(&submitted, &received, &decided, &published, &inserted)
	if err != nil {
		t.Fatal(err)
	}
	// The broker's clock counts milliseconds, the others microseconds.
	if received.After(decided.Add(time.Millisecond)) || decided.After(published.Add(time.Millisecond)) || published.After(inserted.Add(time.Millisecond)) {
		t.Errorf("times of the stages are out of order: %s %s %s %s", received, decided, published, inserted)
	}
	decider.Shows("tajdeed_renewals_decisions_total{disposition=\"first\",outcome=\"approved\"} 1")
	inserter.Shows("tajdeed_analytics_rows_total 1")
}

// Whatever the clock of a publisher says, a message was received when the broker says, and its
// age is counted from then.
func TestPublisherWithAWrongClock(t *testing.T) {
	t.Parallel()
	const wrong = 400 * 24 * time.Hour
	s := newStores(t)
	simulation := s.Populate(100)
	decider, inserter := s.renewals().Ready(), s.analytics().Ready()
	before := time.Now().Truncate(time.Millisecond)
	var messages []client.Message
	for m, ok := simulation.Next(); ok && len(messages) < 40; m, ok = simulation.Next() {
		message := m.Kafka(s.Topics)
		message.Time = before.Add(wrong)
		if len(messages)%2 == 0 {
			message.Time = before.Add(-wrong)
		}
		messages = append(messages, message)
	}
	if err := s.Publisher.Publish(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	s.Drained(len(messages))
	after := time.Now()
	var rows uint64
	var first, last time.Time
	err := s.ClickHouse.QueryRow(t.Context(), `SELECT count(), min(received_at), max(received_at) FROM
		(SELECT received_at FROM decision UNION ALL SELECT received_at FROM unreadable)`).Scan(&rows, &first, &last)
	if err != nil {
		t.Fatal(err)
	}
	if rows != uint64(len(messages)) || first.Before(before) || last.After(after) {
		t.Errorf("%d messages were received from %s to %s, want %d from %s to %s", rows, first, last, len(messages), before, after)
	}
	for _, stage := range []struct {
		*commandtest.Program
		name string
	}{{decider, "renewals"}, {inserter, "analytics"}} {
		age := stage.Value("tajdeed_" + stage.name + "_message_age_seconds_sum")
		if most := after.Sub(before).Seconds() * float64(len(messages)); age < 0 || age > most {
			t.Errorf("%s: the ages are %g s together, want from 0 to %g", stage.name, age, most)
		}
	}
}

// announces fails unless the decision on an application lies on its channel's decisions
// topic, under the application's key, and says that it is of a simulation.
func (s *stores) announces(submissions string, id interface{ String() string }, key []byte) {
	s.Helper()
	for _, a := range s.answers(submissions) {
		d := &a.Decision
		if d.Simulation && d.Cause.Topic == submissions && d.ApplicationID.String() == id.String() && bytes.Equal(a.key, key) && d.Cause.Partition == a.partition {
			return
		}
	}
	s.Errorf("no decision on %s lies on the topic", id)
}

// answered is an answer, and where it lies on its topic.
type answered struct {
	schema.Answer

	key       []byte
	partition int
}

// answers are those that lie on the decisions topic of a channel, those of a partition in
// their order.
func (s *stores) answers(submissions string) (all []answered) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	decisions, _ := s.Topics.AnswersTo(submissions)
	for partition := range 4 {
		reader := client.NewReader(client.ReaderConfig{Brokers: s.Brokers, Topic: decisions, Partition: partition, MaxWait: 100 * time.Millisecond})
		lag, err := reader.ReadLag(ctx)
		if err != nil {
			s.Fatal(err)
		}
		for range lag {
			m, err := reader.ReadMessage(ctx)
			if err != nil {
				s.Fatal(err)
			}
			answer, err := schema.ReadAnswer(m.Key, m.Value, kafka.FromHeaders(m.Headers))
			if err != nil {
				s.Fatal(err)
			}
			all = append(all, answered{answer, m.Key, partition})
		}
		_ = reader.Close()
	}
	return all
}

// Twenty thousand messages of all kinds, and every row as the generator expects it.
func TestTwentyThousandAsExpected(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	simulation := s.Populate(20_000)
	s.Publish(simulation, 20_000)
	s.renewals()
	s.analytics()
	s.Drained(20_000)
	s.compare(simulation)
	s.everyReason()
}

// A process of each stage is killed in the middle, and started again.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	s := migrated(t, localtest.Servers(t).Endpoints())
	simulation := s.Populate(10_000)
	s.Publish(simulation, 10_000)
	for _, consumed := range []int{500, 3000, 6000} {
		decider, inserter := s.renewals("--batch-messages", "100"), s.analytics()
		s.Consumed(consumed)
		decider.Signal(syscall.SIGKILL)
		inserter.Signal(syscall.SIGKILL)
	}
	s.renewals()
	s.analytics()
	s.Drained(10_000)
	s.compare(simulation)
}

// Two workers share the topic; one joins and one leaves while messages come.
func TestWorkersJoinAndLeave(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	simulation := s.Populate(9_000)
	s.analytics()
	first := s.renewals("--batch-messages", "100").Ready()
	s.Publish(simulation, 3_000)
	second := s.renewals("--batch-messages", "100")
	s.Publish(simulation, 3_000)
	second.Ready()
	first.Signal(syscall.SIGTERM)
	if code := first.Exit(); code != command.ExitDone {
		t.Errorf("the worker that was told to stop exited with %d:\n%s", code, first.Said())
	}
	s.Publish(simulation, 3_000)
	s.Drained(9_000)
	s.compare(simulation)
}

// Postgres goes away in the middle and comes back. Nothing is quarantined for it,
// and the worker says meanwhile that it is not ready.
func TestPostgresStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	servers := localtest.Servers(t)
	s := migrated(t, servers.Endpoints())
	simulation := s.Populate(10_000)
	worker := s.renewals("--batch-messages", "100").Ready()
	s.analytics().Ready()
	s.Publish(simulation, 5_000)
	s.Consumed(500)
	if err := servers.Server("postgres").Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Publish(simulation, 5_000)
	worker.Unready()
	if err := servers.Server("postgres").Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	worker.Ready()
	s.Drained(10_000)
	s.compare(simulation)
}

// migrated returns stores on servers of the test's own.
func migrated(t *testing.T, at local.Endpoints) *stores {
	t.Helper()
	pool, err := postgres.Connect(t.Context(), postgres.Config{URL: at.Postgres})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := postgres.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if _, err := clickhouse.Migrate(t.Context(), clickhouse.Config{URL: at.ClickHouse}); err != nil {
		t.Fatal(err)
	}
	return &stores{installationtest.Open(t, at.Postgres, at.ClickHouse, at.Brokers)}
}

// Postgres hangs: it is there and does not answer. The worker does not wait for ever,
// and says so.
func TestPostgresHangs(t *testing.T) {
	t.Parallel()
	servers := localtest.Servers(t)
	s := migrated(t, servers.Endpoints())
	simulation := s.Populate(2_000)
	worker := s.renewals("--batch-messages", "100").Ready()
	s.analytics().Ready()
	s.Publish(simulation, 1_000)
	s.Consumed(1_000)
	resume := hang(t, servers.Server("postgres").PID())
	s.Publish(simulation, 1_000)
	worker.Unready()
	resume()
	worker.Ready()
	s.Drained(2_000)
	s.compare(simulation)
}

// hang stops a process and its children without ending them.
func hang(t *testing.T, pid int) (resume func()) {
	t.Helper()
	listed, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{pid}
	for field := range strings.FieldsSeq(string(listed)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, child)
	}
	signal := func(s syscall.Signal) {
		for _, p := range pids {
			_ = syscall.Kill(p, s) // a backend may just have ended
		}
	}
	signal(syscall.SIGSTOP)
	t.Cleanup(func() { signal(syscall.SIGCONT) })
	return func() { signal(syscall.SIGCONT) }
}
