package analytics

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse/clickhousetest"
)

const (
	partition = 3
	channel   = schema.Channel("company_portal")
	civilID   = schema.CivilID(291030104196)
	sponsorID = schema.SponsorID(204118336)
)

var (
	topics = schema.Topics{Prefix: "test"}
	// at is the partition of the decisions topic that the tests' answers lie in.
	at = schema.TopicPartition{Topic: topics.Decisions(channel), Partition: partition}
)

// database is a ClickHouse database of one test's own, in which nothing is merged: a row that
// was inserted twice stays there twice.
type database struct {
	testing.TB
	db        driver.Conn
	publisher *publisher
	pseudonym *Pseudonym
}

func newDatabase(t testing.TB) *database {
	t.Helper()
	h := &database{TB: t, db: clickhousetest.New(t), publisher: &publisher{}, pseudonym: key(t, "a key of this test")}
	// SYSTEM STOP MERGES would also end the DELETE of a test that runs beside this one: without
	// a table's name it is for the whole server.
	for _, table := range []string{"decision", "unreadable"} {
		if err := h.db.Exec(t.Context(), `ALTER TABLE `+table+` MODIFY SETTING
			max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1`); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func key(t testing.TB, text string) *Pseudonym {
	t.Helper()
	p, err := NewPseudonym([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// newStage is the stage of a process that has just started.
func (h *database) newStage(db driver.Conn) *Stage {
	return New(Config{Topics: topics, DB: db, Publisher: h.publisher, Pseudonym: h.pseudonym}, prometheus.NewRegistry())
}

// open takes the partition over, and fails where it does not go on where it should.
func (h *database) open(s *Stage, wantNext int64) *stagePartition {
	h.Helper()
	p, start, err := s.Open(h.Context(), consumers.Assignment{TopicPartition: at})
	if err != nil {
		h.Fatal(err)
	}
	if start.Next != wantNext {
		h.Fatalf("goes on at %d, want %d", start.Next, wantNext)
	}
	return p.(*stagePartition)
}

// deliver applies messages as one batch.
func (h *database) deliver(p *stagePartition, messages ...consumers.Message) {
	h.Helper()
	if err := p.Prepare(batch(messages...)).Apply(h.Context()); err != nil {
		h.Fatalf("apply from %d: %v", messages[0].Offset, err)
	}
}

func batch(messages ...consumers.Message) *consumers.Batch {
	return &consumers.Batch{
		Topic: at.Topic, Partition: partition,
		From: messages[0].Offset, To: messages[len(messages)-1].Offset + 1, Messages: messages,
	}
}

// decidedAt is when the first decision of a test was taken.
var decidedAt = time.Date(2026, time.March, 15, 6, 30, 2, 402118000, time.UTC)

// decision is the one that a message of the submissions caused.
func decision(offset int64) schema.Decision {
	at := decidedAt.Add(time.Duration(offset) * time.Millisecond)
	return schema.Decision{
		Cause:         schema.Position{Topic: topics.Submissions(channel), Partition: partition, Offset: offset},
		ApplicationID: uuid.MustParse(fmt.Sprintf("0197c3a2-0000-7000-8000-%012d", offset%1e12)),
		Disposition:   schema.DispositionFirst, Outcome: schema.OutcomeApproved, Policy: "2249-2025@3",
		CivilID: civilID, Kind: schema.KindRenewal, Article: 18, SponsorID: sponsorID, Months: 12, Revision: schema.FirstRevision,
		FeeDue: 20000, FeePaid: 20000,
		OldExpiry: schema.NewDate(2026, time.April, 10), NewExpiry: schema.NewDate(2027, time.April, 10),
		SubmittedAt: at.Add(-2 * time.Second), ReceivedAt: at.Add(-time.Second).Truncate(time.Millisecond), DecidedAt: at,
	}
}

// message is a decision as it lies on its topic.
func message(logOffset int64, d schema.Decision) consumers.Message {
	envelope := schema.Envelope{ID: fmt.Sprint(d.Cause.Offset), Type: schema.TypeDecision, Source: "/test", Time: d.DecidedAt}
	return consumers.Message{
		Offset: logOffset, Time: d.DecidedAt.Add(time.Second).Truncate(time.Millisecond),
		Key: d.CivilID.Append(nil), Value: d.AppendJSON(nil), Headers: envelope.Headers(),
	}
}

// unreadable is the notice that a message of the submissions cannot be read, as it lies on its
// topic.
func unreadable(logOffset, offset int64) consumers.Message {
	return unreadableIn(partition, logOffset, offset)
}

// unreadableIn is that of a message in another partition.
func unreadableIn(partition int, logOffset, offset int64) consumers.Message {
	at := decidedAt.Add(time.Duration(offset) * time.Millisecond)
	u := schema.NewUnreadable(schema.Position{Topic: topics.Submissions(channel), Partition: partition, Offset: offset},
		at.Add(-time.Second).Truncate(time.Millisecond), &schema.Error{Field: "months", Rule: schema.RuleMissingField, Detail: "required"})
	envelope := schema.Envelope{ID: fmt.Sprint(offset), Type: schema.TypeUnreadable, Source: "/test", Time: u.ReceivedAt}
	return consumers.Message{Offset: logOffset, Time: at.Add(time.Second).Truncate(time.Millisecond), Value: u.AppendJSON(nil), Headers: envelope.Headers()}
}

// log lays decisions on the topic from an offset on.
func log(from int64, decisions ...schema.Decision) []consumers.Message {
	messages := make([]consumers.Message, len(decisions))
	for i, d := range decisions {
		messages[i] = message(from+int64(i), d)
	}
	return messages
}

// decisions are those that a run of the submissions caused.
func decisions(from, to int64) (all []schema.Decision) {
	for offset := from; offset < to; offset++ {
		all = append(all, decision(offset))
	}
	return all
}

// exactly fails unless the decisions on the submissions from 0 to n stand in the
// table, each once.
func (h *database) exactly(n uint64) {
	h.Helper()
	const sql = `SELECT count(), uniqExact(cause_topic, cause_partition, cause_offset), toUInt64(max(cause_offset) + 1) FROM decision`
	var rows, distinct, end uint64
	if err := h.db.QueryRow(h.Context(), sql).Scan(&rows, &distinct, &end); err != nil {
		h.Fatal(err)
	}
	if rows != n || distinct != n || end != n {
		h.Errorf("%d rows, %d different, up to %d, want %d of each", rows, distinct, end, n)
	}
}

// lines asks for one column of text.
func (h *database) lines(sql string, args ...any) (lines []string) {
	h.Helper()
	rows, err := h.db.Query(h.Context(), sql, args...)
	if err != nil {
		h.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			h.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		h.Fatal(err)
	}
	return lines
}

// publisher keeps what it is given. fail, if set, is what it answers, once.
type publisher struct {
	mu       sync.Mutex
	fail     error
	messages []kafka.Message
}

func (p *publisher) PublishPlaced(_ context.Context, messages []kafka.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.fail; err != nil {
		p.fail = nil
		return err
	}
	p.messages = append(p.messages, messages...)
	return nil
}
