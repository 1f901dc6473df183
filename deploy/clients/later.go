package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// later answers a channel's messages as a worker of a later edition may. It decides nothing by
// the rules: an application is pending until an agency is heard, and then approved if it has a
// fee, else rejected. The answers have what this edition does not know: another event, more
// fields, an outcome that is not final, a reason, a revision, and a cause that is no
// application. Some come again, and some come too late.
//
// The agency is heard when a message comes that cannot be read, which the examples send last.
// So a client that takes an answer for final too early ends too early, and one that reads
// answers as the contract says ends with the same outcomes as with this edition's worker.
type later struct {
	brokers []string
	topics  schema.Topics
	channel schema.Channel
}

// run answers until ctx ends.
func (l later) run(ctx context.Context, partitions int) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition := range partitions {
		group.Go(func() error { return l.runPartition(ctx, partition) })
	}
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (l later) runPartition(ctx context.Context, partition int) error {
	in := client.NewReader(client.ReaderConfig{
		Brokers: l.brokers, Topic: l.topics.Submissions(l.channel), Partition: partition, MaxWait: 100 * time.Millisecond,
	})
	defer func() { _ = in.Close() }()
	out := &client.Writer{
		Addr: client.TCP(l.brokers...), Topic: l.topics.Decisions(l.channel), RequiredAcks: client.RequireAll, BatchTimeout: time.Millisecond,
		Balancer: client.BalancerFunc(func(client.Message, ...int) int { return partition }),
	}
	defer func() { _ = out.Close() }()
	var known applications
	for {
		m, err := in.ReadMessage(ctx)
		if err != nil {
			return fmt.Errorf("read an application: %w", err)
		}
		if err := out.WriteMessages(ctx, known.answer(m)...); err != nil {
			return fmt.Errorf("answer an application: %w", err)
		}
	}
}

// applications are those of a partition, in the order they came in.
type applications []schema.Application

func (all applications) find(id uuid.UUID) *schema.Application {
	for i := range all {
		if all[i].ID == id {
			return &all[i]
		}
	}
	return nil
}

// body is an answer's data before it is written.
type body map[string]any

// answer returns what a message is answered with, and remembers the application in it.
func (all *applications) answer(m client.Message) []client.Message {
	cause := body{"topic": m.Topic, "partition": m.Partition, "offset": m.Offset}
	a, err := schema.ReadApplication(m.Key, m.Value, kafka.FromHeaders(m.Headers))
	if fault, ok := errors.AsType[*schema.Error](err); ok {
		notice := event(m.Key, schema.TypeUnreadable, body{
			"cause": cause, "rule": fault.Rule, "field": fault.Field, "found": fault.Detail, "received_at": m.Time, "revision": 1, "hint": "see the page",
		})
		return append([]client.Message{notice}, all.hear(m)...)
	}
	first := all.find(a.ID)
	switch {
	case first == nil:
		*all = append(*all, a)
		pending := decide(m.Key, a, "first", "pending", cause, 1, "biometrics_awaited")
		noted := event(m.Key, "tajdeed.application.noted.v1", body{"application_id": a.ID, "cause": cause})
		return []client.Message{noted, pending, pending}
	case first.Digest() == a.Digest():
		return []client.Message{decide(m.Key, a, "resend", "pending", cause, 1, "biometrics_awaited")}
	default:
		return []client.Message{decide(m.Key, a, "conflict", "rejected", cause, 1, schema.ReasonApplicationConflict.Code())}
	}
}

// hear decides on all applications, by notices of an agency on a topic of its own. After each
// decision come two answers that must not change it: one of a lower revision, and one whose
// cause was answered before.
func (all *applications) hear(m client.Message) (answers []client.Message) {
	for i, a := range *all {
		notice := func(number int) body {
			topic := strings.Replace(m.Topic, ".submissions.", ".evidence.", 1)
			return body{"topic": topic, "partition": m.Partition, "offset": 2*i + number}
		}
		approve := func(cause body, revision int) client.Message {
			return decide(m.Key, a, "first", "approved", cause, revision)
		}
		reject := func(cause body, revision int) client.Message {
			return decide(m.Key, a, "first", "rejected", cause, revision, schema.ReasonFeeMissing.Code())
		}
		if a.Fee.Stated() {
			answers = append(answers, approve(notice(0), 2), reject(notice(1), 1), reject(notice(0), 3))
		} else {
			answers = append(answers, reject(notice(0), 2), approve(notice(1), 1), approve(notice(0), 3))
		}
	}
	return answers
}

func decide(key []byte, a schema.Application, disposition, outcome string, cause body, revision int, reasons ...string) client.Message {
	return event(key, schema.TypeDecision, decision(a, disposition, outcome, cause, revision, reasons...))
}

// decision has all that this edition's have, and more.
func decision(a schema.Application, disposition, outcome string, cause body, revision int, reasons ...string) body {
	now := time.Now()
	d := schema.Decision{
		ApplicationID: a.ID, CivilID: a.CivilID, Policy: "later@1", Kind: a.Kind, Article: a.Article, SponsorID: a.SponsorID, Months: a.Months,
		FeePaid: a.Fee.Amount, SubmittedAt: a.SubmittedAt, ReceivedAt: now, DecidedAt: now,
	}
	data := body{}
	if err := json.Unmarshal(d.AppendJSON(nil), &data); err != nil {
		panic(err) // it was written as JSON
	}
	texts := []body{}
	for _, code := range reasons {
		texts = append(texts, body{"code": code, "en": "As the later edition words it.", "ar": "كما تصوغه النسخة اللاحقة.", "since": 2})
	}
	if outcome == "approved" {
		data["new_expiry"] = "2199-12-31"
	}
	data["disposition"], data["outcome"], data["reasons"], data["cause"], data["revision"] = disposition, outcome, texts, cause, revision
	data["queue"] = body{"place": 3}
	return data
}

func event(key []byte, kind string, data body) client.Message {
	value, err := json.Marshal(data)
	if err != nil {
		panic(err) // maps, strings and numbers
	}
	return client.Message{Key: key, Value: value, Headers: []client.Header{
		{Key: schema.HeaderSpecVersion, Value: []byte(schema.SpecVersion)},
		{Key: schema.HeaderID, Value: []byte(uuid.NewString())},
		{Key: schema.HeaderType, Value: []byte(kind)},
		{Key: schema.HeaderSource, Value: []byte("/tajdeed/renewals")},
		{Key: schema.HeaderContentType, Value: []byte(schema.ContentType)},
		{Key: "tajdeed_edition", Value: []byte("2")},
	}}
}
