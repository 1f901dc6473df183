// Package analytics is the stage that carries answers into ClickHouse, for analysts: one wide
// row for each decision, and a narrow one for each message that could not be read. It decides
// nothing and changes nothing in Postgres; what is lost with ClickHouse can be read again from
// the decisions topics.
//
// No Civil ID, name or document leaves it: who must be told apart is a keyed hash.
//
// It is exact under redelivery. In each partition it goes on where the last worker's claim
// says, which is an offset that is committed to Kafka and read back; without a claim, after
// the highest offset that ClickHouse holds; where that holds none, from the log's start. It
// drops an answer whose cause is not above the highest of its partition: causes only move
// forward there, so it is a repeat. What several partitions bring at once is inserted as one
// block, see [Stage.Join].
//
// Answers of a later edition go through it: names that it does not know are inserted as they
// are, fields are passed over, and events of other types are counted.
package analytics

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// Name is the stage's name: its subcommand, and the prefix of its metrics.
const Name = "analytics"

// Group is the consumer group of the stage's workers.
const Group = "tajdeed.analytics"

// Config is what the stage is told of the installation.
type Config struct {
	Topics schema.Topics
	DB     driver.Conn
	// Publisher publishes what the stage cannot read, on the quarantine topic.
	Publisher consumers.Publisher
	Pseudonym *Pseudonym
	// Simulation says that the installation is one, for the metrics. Each answer says it too.
	Simulation bool
	// Now says when a row was inserted: nothing else depends on it. Default [time.Now].
	Now func() time.Time
}

// Stage is the [consumers.Handler] that writes answers to ClickHouse.
type Stage struct {
	Config
	metrics    *metrics
	watermarks watermarks
}

// New returns the stage.
func New(config Config, registry prometheus.Registerer) *Stage {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Stage{
		Config: config, metrics: newMetrics(registry),
		watermarks: watermarks{every: watermarksEvery, waiting: map[schema.TopicPartition]watermark{}},
	}
}

var _ consumers.Handler = (*Stage)(nil)

//go:embed select_positions.sql
var selectPositions string

// Open goes on where the worker before this one stopped. What that one was about to
// insert stands in its claim. It is inserted again, exactly the same: it may still be on
// its way, and only a block that is the same to the row, or one that has its token, is
// recognised as a repeat. The highest causes are read as they were before that block.
func (s *Stage) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	start, joint, err := readClaim(ctx, a.Claim)
	if err != nil {
		return nil, start, err
	}
	p := &stagePartition{logPartition: s.logPartition(a.TopicPartition), stage: s, claim: a.Claim, highest: map[string]int64{}}
	if joint != "" {
		p.joint = &jointBlock{token: joint}
	}
	last, err := p.readPositions(ctx, start.Next)
	switch {
	case err != nil:
		return nil, start, err
	case last < 0 && (start.Next == unclaimed || start.Next > a.LogStart):
		// Nobody was here before, or the table was emptied: all of the log is to come.
		start = consumers.Start{Next: a.LogStart}
	case start.Next == unclaimed:
		start = consumers.Start{Next: last + 1}
	}
	p.next, p.claimed = start.Next, start.Next
	return p, start, nil
}

// stagePartition is what the stage keeps of one partition of a decisions topic.
type stagePartition struct {
	*logPartition
	stage   *Stage
	claim   *consumers.Claim
	highest map[string]int64 // the highest cause inserted, by its topic
	next    int64            // the offset after what was inserted
	claimed int64            // what the claim says of that
	open    bool             // whether the claim is of a block that may be half done
	// joint is the block of several partitions that the rows of the next batch may be in already;
	// nil where none was sent.
	joint *jointBlock
}

// logPartition is a partition of a decisions topic, and the channel whose topic it is.
type logPartition struct {
	schema.TopicPartition
	channel string
}

func (s *Stage) logPartition(at schema.TopicPartition) *logPartition {
	channel, _ := s.Topics.DecisionsChannel(at.Topic)
	return &logPartition{at, string(channel)}
}

// readPositions reads the highest cause of each topic, and the highest offset on the
// decisions topic, of the partition's answers that lie before an offset of that topic.
func (p *stagePartition) readPositions(ctx context.Context, before int64) (last int64, err error) {
	rows, err := p.stage.DB.Query(ctx, selectPositions, p.Topic, int32(p.Partition), before)
	if err != nil {
		return 0, fmt.Errorf("read positions: %w", away(err))
	}
	defer rows.Close()
	last = -1
	for rows.Next() {
		var topic string
		var cause, at int64
		if err := rows.Scan(&topic, &cause, &at); err != nil {
			return 0, fmt.Errorf("read positions: %w", err)
		}
		p.highest[topic] = cause
		last = max(last, at)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read positions: %w", err)
	}
	return last, nil
}

// Idle brings the claim up to date, so that lag tools see that nothing is left, and tells
// analysts up to when all is in. The claim of a block that failed stays: whoever opens the
// partition next must insert exactly that block.
func (p *stagePartition) Idle(ctx context.Context, emptyAt time.Time) error {
	if p.claim != nil && !p.open && p.claimed != p.next {
		if err := p.claim.Write(ctx, p.next, ""); err != nil {
			return err
		}
		p.claimed = p.next
	}
	return p.tellWatermark(ctx, emptyAt)
}

// Prepare decodes a batch's answers.
func (p *stagePartition) Prepare(b *consumers.Batch) consumers.Work {
	w := &work{stagePartition: p, batch: b, rows: make([]row, 0, len(b.Messages))}
	for i := range b.Messages {
		m := &b.Messages[i]
		answer, err := p.read(m)
		if err != nil {
			b.Quarantine(m, err)
			continue
		}
		r := row{Decision: answer.Decision, log: p.logPartition, logOffset: m.Offset, publishedAt: m.Time}
		switch answer.Type {
		case schema.TypeDecision:
		case schema.TypeUnreadable:
			u := &answer.Unreadable
			r.Cause, r.ReceivedAt, r.Simulation, r.rule = u.Cause, u.ReceivedAt, u.Simulation, u.Rule
		default:
			w.ignored++
			continue
		}
		w.rows = append(w.rows, r)
	}
	return w
}

// read reads an answer. One that does not lie in its cause's partition, or on another
// channel's topic, was not published by the renewals stage, and would make later ones look
// like repeats. Where the answer to a cause of another kind lies, a later edition knows.
func (p *stagePartition) read(m *consumers.Message) (schema.Answer, error) {
	answer, err := schema.ReadAnswer(m.Key, m.Value, m.Headers)
	if err != nil || answer.Type != schema.TypeDecision && answer.Type != schema.TypeUnreadable {
		return answer, err
	}
	cause := answer.Cause()
	answersTo, known := p.stage.Topics.AnswersTo(cause.Topic)
	switch {
	case cause.Partition != p.Partition:
		err = &schema.Error{
			Field: "cause.partition", Rule: schema.RuleContradiction,
			Detail: "another partition than the one that the answer lies in",
		}
	case known && answersTo != p.Topic:
		err = &schema.Error{
			Field: "cause.topic", Rule: schema.RuleContradiction,
			Detail: "a topic whose messages are not answered on the one that the answer lies on",
		}
	}
	return answer, err
}
