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
// the rules: an application with a fee is approved in the end, one without is rejected. The
// answers have what this edition does not know: another event, more fields, an outcome that is
// not final, a reason, a revision, and a cause that is no application. Some of them come again.
//
// A client that reads answers as the contract says ends with the same outcomes as with this
// edition's worker.
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
	known := map[uuid.UUID]schema.Application{}
	for {
		m, err := in.ReadMessage(ctx)
		if err != nil {
			return fmt.Errorf("read an application: %w", err)
		}
		if err := out.WriteMessages(ctx, l.answers(m, known)...); err != nil {
			return fmt.Errorf("answer an application: %w", err)
		}
	}
}

// body is an answer's data before it is written.
type body map[string]any

// answers returns what the messages of one application are answered with.
func (l later) answers(m client.Message, known map[uuid.UUID]schema.Application) []client.Message {
	cause := body{"topic": m.Topic, "partition": m.Partition, "offset": m.Offset}
	a, err := schema.ReadApplication(m.Key, m.Value, kafka.FromHeaders(m.Headers))
	if fault, ok := errors.AsType[*schema.Error](err); ok {
		return []client.Message{event(m.Key, schema.TypeUnreadable, body{
			"cause": cause, "rule": fault.Rule, "field": fault.Field, "found": fault.Detail, "received_at": m.Time, "revision": 1, "hint": "see the page",
		})}
	}
	first, taken := known[a.ID]
	switch {
	case !taken:
		known[a.ID] = a
		return firstAnswers(m, a, cause)
	case first.Digest() == a.Digest():
		return []client.Message{event(m.Key, schema.TypeDecision, final(a, "resend", cause))}
	default:
		conflict := decision(a, "conflict", "rejected", cause, 1, schema.ReasonApplicationConflict.Code())
		return []client.Message{event(m.Key, schema.TypeDecision, conflict)}
	}
}

// firstAnswers are more than one: the outcome that holds comes with a notice of an agency, and
// around it is what must not change it.
func firstAnswers(m client.Message, a schema.Application, cause body) []client.Message {
	pending := event(m.Key, schema.TypeDecision, decision(a, "first", "pending", cause, 1, "biometrics_awaited"))
	evidence := func(offset int64) body {
		topic := strings.Replace(m.Topic, ".submissions.", ".evidence.", 1)
		return body{"topic": topic, "partition": m.Partition, "offset": 2*m.Offset + offset}
	}
	return []client.Message{
		event(m.Key, "tajdeed.application.noted.v1", body{"application_id": a.ID, "cause": cause}),
		pending,
		event(m.Key, schema.TypeDecision, final(a, "first", evidence(0))),
		pending,
		event(m.Key, schema.TypeDecision, decision(a, "first", "approved", evidence(1), 1)),
		event(m.Key, schema.TypeDecision, decision(a, "first", "rejected", evidence(0), 3, "fee_missing")),
	}
}

// final is the answer that holds: the second revision.
func final(a schema.Application, disposition string, cause body) body {
	if a.Fee.Stated() {
		return decision(a, disposition, "approved", cause, 2)
	}
	return decision(a, disposition, "rejected", cause, 2, schema.ReasonFeeMissing.Code())
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
