package verify

import (
	"context"
	_ "embed"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

var (
	//go:embed positions.sql
	positionsQuery string
	//go:embed progress.sql
	progressQuery string
	//go:embed highest.sql
	highestQuery string
	//go:embed beyond.sql
	beyondQuery string
)

// marks are how far each store had come before the record was read.
type marks struct {
	positions  map[schema.TopicPartition]position
	progress   progress
	channels   []schema.Channel
	partitions int                                 // of each topic
	decisions  map[schema.TopicPartition]kafka.End // of every channel's decisions topic
	quarantine map[schema.TopicPartition]kafka.End
	committed  map[schema.TopicPartition]int64 // see readCommitted
}

// position is how far a partition has come in the record: the next offset to consume, and
// the offset before which everything was published.
type position struct{ next, published int64 }

// progress is how far ClickHouse has come.
type progress struct {
	// Of each table. The stage analytics inserts the notices of a batch before its
	// decisions, so a notice says nothing about the decisions before it, and a decision
	// says that everything before it is in.
	decisions, notices reached
}

// reached is how far one table of ClickHouse has come.
type reached struct {
	// readUpTo is, by partition of the decisions topics, the offset before which the stage
	// analytics has inserted everything that belongs into the table.
	readUpTo map[schema.TopicPartition]int64
	highest  map[schema.TopicPartition]int64   // the highest cause of a row
	beyond   map[schema.TopicPartition][]int64 // causes of rows at or after the record's position
}

// readMarks reads the marks. The positions come first: see [verifier.verify]. A channel whose
// topics cannot be used is an error, and so is that there is none: nothing would balance, or
// all would.
func (v *verifier) readMarks(ctx context.Context) (m marks, err error) {
	if m.positions, err = readPositions(ctx, v.postgres); err != nil {
		return m, err
	}
	if m.progress, err = readProgress(ctx, v.clickhouse, m.positions); err != nil {
		return m, err
	}
	found, err := kafka.Check(ctx, v.brokers, v.topics)
	if err != nil {
		return m, err
	}
	m.channels, m.partitions = found.Usable, found.Partitions
	if m.decisions, err = v.readEnds(ctx, m.channels, v.topics.Decisions); err != nil {
		return m, err
	}
	quarantine := func(schema.Channel) string { return v.topics.Quarantine() }
	if m.quarantine, err = v.readEnds(ctx, m.channels[:1], quarantine); err != nil {
		return m, err
	}
	m.committed, err = v.readCommitted(ctx, m.decisions)
	m.progress.addCommitted(m.committed)
	return m, err
}

// endsAtOnce is how many topics' ends are asked for at once.
const endsAtOnce = 4

// readEnds reads where the partitions of one topic of each channel begin and end.
func (v *verifier) readEnds(ctx context.Context, channels []schema.Channel, topicOf func(schema.Channel) string) (map[schema.TopicPartition]kafka.End, error) {
	ends := make([]map[int]kafka.End, len(channels))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(endsAtOnce)
	for i, c := range channels {
		group.Go(func() (err error) {
			ends[i], err = kafka.Ends(ctx, v.brokers, topicOf(c))
			return err
		})
	}
	all := map[schema.TopicPartition]kafka.End{}
	err := group.Wait()
	for i, c := range channels {
		for partition, end := range ends[i] {
			all[schema.TopicPartition{Topic: topicOf(c), Partition: partition}] = end
		}
	}
	return all, err
}

func readPositions(ctx context.Context, db *pgxpool.Pool) (map[schema.TopicPartition]position, error) {
	rows, err := db.Query(ctx, positionsQuery)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	positions := map[schema.TopicPartition]position{}
	var at schema.TopicPartition
	var p position
	_, err = pgx.ForEachRow(rows, []any{&at.Topic, &at.Partition, &p.next, &p.published}, func() error {
		positions[at] = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	return positions, nil
}

// readProgress reads how far ClickHouse has come. It must be called before the record is
// read: the record then holds whatever ClickHouse holds now.
func readProgress(ctx context.Context, db driver.Conn, positions map[schema.TopicPartition]position) (p progress, err error) {
	p.decisions, p.notices = newReached(), newReached()
	var topic string
	var partition int32
	var all, notices int64
	err = queryRows(ctx, db, progressQuery, []any{&topic, &partition, &all, &notices}, func() {
		log := schema.TopicPartition{Topic: topic, Partition: int(partition)}
		p.decisions.readUpTo[log], p.notices.readUpTo[log] = all, max(all, notices)
	})
	if err != nil {
		return p, err
	}
	var offset int64
	var ofNotices bool
	err = queryRows(ctx, db, highestQuery, []any{&topic, &partition, &offset, &ofNotices}, func() {
		p.of(ofNotices).highest[schema.TopicPartition{Topic: topic, Partition: int(partition)}] = offset
	})
	if err != nil {
		return p, err
	}
	for topic, next := range p.passed(positions) {
		err = queryRows(ctx, db, beyondQuery, []any{&partition, &offset, &ofNotices}, func() {
			at, of := schema.TopicPartition{Topic: topic, Partition: int(partition)}, p.of(ofNotices)
			of.beyond[at] = append(of.beyond[at], offset)
		}, topic, next.partitions, next.offsets)
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

func newReached() reached {
	return reached{
		readUpTo: map[schema.TopicPartition]int64{}, highest: map[schema.TopicPartition]int64{},
		beyond: map[schema.TopicPartition][]int64{},
	}
}

func (p *progress) of(notices bool) *reached {
	if notices {
		return &p.notices
	}
	return &p.decisions
}

// passed returns the record's positions that a row of ClickHouse lies at or after, by topic.
func (p *progress) passed(positions map[schema.TopicPartition]position) map[string]*partitionOffsets {
	passed := map[string]*partitionOffsets{}
	for at, position := range positions {
		for _, reached := range []*reached{&p.decisions, &p.notices} {
			if highest, found := reached.highest[at]; found && highest >= position.next {
				addOffset(passed, at, position.next)
				break
			}
		}
	}
	return passed
}

// addCommitted adds what the stage analytics has committed: everything before it is inserted.
func (p *progress) addCommitted(committed map[schema.TopicPartition]int64) {
	for log, offset := range committed {
		for _, readUpTo := range []map[schema.TopicPartition]int64{p.decisions.readUpTo, p.notices.readUpTo} {
			readUpTo[log] = max(readUpTo[log], offset)
		}
	}
}

// readCommitted returns the offsets that the group of the stage analytics has committed in
// the partitions of the decisions topics. A partition that nobody has read is left out.
func (v *verifier) readCommitted(ctx context.Context, ends map[schema.TopicPartition]kafka.End) (map[schema.TopicPartition]int64, error) {
	request := &client.OffsetFetchRequest{GroupID: v.group, Topics: map[string][]int{}}
	for log := range ends {
		request.Topics[log.Topic] = append(request.Topics[log.Topic], log.Partition)
	}
	kafkaClient := &client.Client{Addr: client.TCP(v.brokers...), Transport: v.transport, Timeout: fetchTimeout}
	// A cluster that has never had a group takes a moment to make its coordinator.
	response, err := backoff.Retry(ctx, func() (*client.OffsetFetchResponse, error) {
		response, err := kafkaClient.OffsetFetch(ctx, request)
		if err == nil {
			err = response.Error
		}
		return response, err
	}, backoff.WithMaxElapsedTime(fetchTimeout))
	if err != nil {
		return nil, fmt.Errorf("read the committed offsets of the group %s: %w", v.group, err)
	}
	committed := map[schema.TopicPartition]int64{}
	for topic, partitions := range response.Topics {
		for _, p := range partitions {
			log := schema.TopicPartition{Topic: topic, Partition: p.Partition}
			if p.Error == nil && p.CommittedOffset >= 0 {
				committed[log] = min(p.CommittedOffset, ends[log].Next) // nobody can have read beyond the end
			}
		}
	}
	return committed, nil
}

// limit is the offset before which a table of ClickHouse must hold every answer of a
// partition, which are published on log. Those of one table are inserted in their order. So
// all must be there up to the highest that is there, and up to the last that lies on the
// decisions topic before where the stage analytics has read to.
func (r *reached) limit(at, log schema.TopicPartition, answers *entries) (limit int64) {
	if highest, ok := r.highest[at]; ok {
		// A row that the record does not know says nothing about the others.
		if _, known := answers.index(highest); known {
			limit = highest + 1
		}
	}
	for i := len(answers.all) - 1; i >= 0 && answers.all[i].offset >= limit; i-- {
		if e := &answers.all[i]; e.logOffset != notOnTopic && e.logOffset < r.readUpTo[log] {
			return e.offset + 1
		}
	}
	return limit
}
