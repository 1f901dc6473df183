// Package verify proves that an installation lost nothing and did nothing twice: it
// compares the record in Postgres, the topics and ClickHouse, offset by offset, and names
// what differs. It can be asked while everything runs: what is on its way is told apart.
//
// On request it repairs ClickHouse from the record. It changes nothing else: a decision
// that is missing on its topic is announced by the stage when it takes the partition over.
//
// The command `tajdeed verify`, the demo and chaos call it.
package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/consumers/analytics"
	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// Config says which installation is verified, and how.
type Config struct {
	Brokers []string
	// Prefix begins the names of the installation's topics, see [schema.NamedTopics].
	Prefix string
	// AnalyticsGroup is the consumer group of the stage analytics. Default
	// [analytics.Group].
	AnalyticsGroup string
	// Postgres is a pool on the record, opened with a statement timeout of
	// [StatementTimeout] or more.
	Postgres *pgxpool.Pool
	// ClickHouse is a connection to the database of the decisions' rows.
	ClickHouse driver.Conn
	// Pseudonym is under the key of the stage analytics. Without it, persons and sponsors
	// of ClickHouse's rows are not compared; a repair needs it.
	Pseudonym *analytics.Pseudonym
	// Wait is the longest time to wait until all that lies on the topics now is through;
	// 0 waits for nothing. What is missing after it is pending in the books.
	Wait time.Duration
	// Repair brings ClickHouse in line with the record.
	Repair bool
}

// StatementTimeout bounds one statement on the record: a year takes a second or two.
const StatementTimeout = 5 * time.Minute

// Validate says what is wrong with the configuration. It contacts nothing.
func (c Config) Validate() error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("verify: no brokers")
	case c.Postgres == nil || c.ClickHouse == nil:
		return errors.New("verify: no connection to Postgres or ClickHouse")
	case c.Repair && c.Pseudonym == nil:
		return errors.New("verify: a repair writes rows: it needs the pseudonym key of the stage analytics")
	}
	return nil
}

// Run verifies the installation once, repairs ClickHouse first where that was asked for,
// and returns what it found. What does not balance is no error: [Books.Balanced] says so.
// An error means that it could not be found out.
func Run(ctx context.Context, c Config) (*Books, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	begin := time.Now()
	v := &verifier{
		brokers: c.Brokers, prefix: c.Prefix, topics: schema.NamedTopics(c.Prefix),
		group:    cmp.Or(c.AnalyticsGroup, analytics.Group),
		postgres: c.Postgres, clickhouse: c.ClickHouse, transport: newTransport(), pseudonym: c.Pseudonym,
	}
	defer v.transport.CloseIdleConnections()
	if err := v.wait(ctx, c.Wait); err != nil {
		return nil, err
	}
	found, err := v.run(ctx, c.Repair)
	if err != nil {
		return nil, err
	}
	found.Seconds = text.Rounded(time.Since(begin).Seconds())
	return found, nil
}

// verifier compares the three stores.
type verifier struct {
	brokers    []string
	prefix     string
	topics     schema.Topics
	group      string // of the stage analytics
	postgres   *pgxpool.Pool
	clickhouse driver.Conn
	transport  *client.Transport
	pseudonym  *analytics.Pseudonym // nil if the key was not told
}

func (v *verifier) run(ctx context.Context, repair bool) (*Books, error) {
	if repair {
		return v.repair(ctx)
	}
	found, err := v.verify(ctx)
	if err != nil {
		return nil, err
	}
	return found.books, nil
}

// marks are how far everything had come before the record was read. The order in
// which they are taken is what makes the rowComparison exact while everything runs: what
// the record said was published lies on the topics before their ends, and what lies
// there or is in ClickHouse by then is in the record when that is read.
type marks struct {
	positions  map[topicPartition]position
	progress   progress
	decisions  map[int]kafka.End
	quarantine map[int]kafka.End
	committed  map[int]int64 // where the sink stands, as its group knows
}

func (v *verifier) readMarks(ctx context.Context) (m marks, err error) {
	if m.positions, err = readPositions(ctx, v.postgres); err != nil {
		return m, err
	}
	if m.progress, err = readProgress(ctx, v.clickhouse, m.positions); err != nil {
		return m, err
	}
	if m.decisions, err = kafka.Ends(ctx, v.brokers, v.topics.Decisions); err != nil {
		return m, err
	}
	if m.quarantine, err = kafka.Ends(ctx, v.brokers, v.topics.Quarantine); err != nil {
		return m, err
	}
	m.committed, err = v.readCommitted(ctx, len(m.decisions))
	for partition, offset := range m.committed {
		// Beyond the end there is nothing to have been read.
		m.progress.readUpTo[partition] = max(m.progress.readUpTo[partition], min(offset, m.decisions[partition].Next))
	}
	return m, err
}

// readClaims asks the sink's group where it stands. A partition that nobody has read
// is left out.
func (v *verifier) readCommitted(ctx context.Context, partitions int) (map[int]int64, error) {
	topic := v.topics.Decisions
	request := &client.OffsetFetchRequest{GroupID: v.group, Topics: map[string][]int{}}
	for p := range partitions {
		request.Topics[topic] = append(request.Topics[topic], p)
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
		return nil, fmt.Errorf("ask the group %s where it stands: %w", v.group, err)
	}
	claims := map[int]int64{}
	for _, p := range response.Topics[topic] {
		if p.Error == nil && p.CommittedOffset >= 0 {
			claims[p.Partition] = p.CommittedOffset
		}
	}
	return claims, nil
}

// verified is one look at everything.
type verification struct {
	*recordContents
	marks  marks
	limits map[topicPartition]int64 // where ClickHouse was compared up to
}

// verify looks at everything once.
func (v *verifier) verify(ctx context.Context) (*verification, error) {
	taken := time.Now()
	marks, err := v.readMarks(ctx)
	if err != nil {
		return nil, err
	}
	record, seen, err := v.readRecordAndTopics(ctx, marks)
	if err != nil {
		return nil, err
	}
	found := &verification{recordContents: record, marks: marks, limits: map[topicPartition]int64{}}
	if err := v.checkUnaccounted(ctx, record); err != nil {
		return nil, err
	}
	for p := range record.books.all {
		found.compareWithTopics(p, seen)
	}
	seen.addStrays(record.books, record.known)
	if err := compareClickHouse(ctx, v.clickhouse, v.pseudonym, record, found.limits); err != nil {
		return nil, err
	}
	found.addUnknownRows()
	if err := v.countPending(ctx, record.books); err != nil {
		return nil, err
	}
	record.books.balance(taken)
	return found, nil
}

// read reads the record and, beside it, the topics.
func (v *verifier) readRecordAndTopics(ctx context.Context, marks marks) (record *recordContents, seen *announcements, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		record, err = readRecord(ctx, v.postgres, v.prefix)
		return err
	})
	group.Go(func() (err error) {
		seen, err = readAnnouncements(ctx, v.brokers, v.transport, v.topics, marks.decisions, marks.quarantine)
		return err
	})
	return record, seen, group.Wait()
}

// known says whether the record has heard of a lane.
func (r *recordContents) known(l topicPartition) bool { return r.decisions[l] != nil || r.foreign[l] }

// compareTopics compares a partition with the topics, and sets how far ClickHouse must
// be.
func (f *verification) compareWithTopics(p *PartitionBooks, seen *announcements) {
	l := topicPartition{p.topic, p.Partition}
	p.Watermark = Watermark{Record: p.Next, Published: p.Next, ClickHouse: p.Next}
	published := f.marks.positions[l].published
	compareDecisions(p, f.decisions[l], seen.decisions[p.Partition], published)
	compareQuarantined(p, f.quarantined[l], seen.quarantined[p.Partition], published)
	e := f.decisions[l]
	through := f.marks.progress.limit(l, e)
	f.limits[l] = through
	if i := e.indexFrom(through); i < len(e.offsets) {
		p.Watermark.ClickHouse = e.offsets[i]
		p.Pending.ClickHouse = int64(len(e.offsets) - i)
	}
}

// strangeRows notes rows of causes that the record had never reached when it was read
// later than they.
func (f *verification) addUnknownRows() {
	for l, highest := range f.marks.progress.highest {
		if !f.known(l) {
			f.books.Strays = append(f.books.Strays, Stray{l.topic, l.partition, Gap{GapUnknown, 0, highest}})
		}
	}
	for l, offsets := range f.marks.progress.above {
		if !f.ours(l.topic) {
			continue
		}
		p := f.books.partition(l.topic, l.partition)
		for _, offset := range offsets {
			if offset >= max(p.Next, f.limits[l]) {
				p.addGap(GapUnknown, offset, offset+1)
			}
		}
	}
}

// countPending counts what lies on the topics and was not consumed.
func (v *verifier) countPending(ctx context.Context, b *Books) error {
	ends, err := kafka.Ends(ctx, v.brokers, v.topics.Submissions)
	if err != nil {
		return err
	}
	for partition, end := range ends {
		p := b.partition(v.topics.Submissions, partition)
		if p.Next == 0 { // nobody has read it yet
			p.Pending.Consume = end.Next - end.First
			continue
		}
		p.Pending.Consume = max(0, end.Next-p.Next)
	}
	return nil
}

// close draws the line under all of it.
func (b *Books) balance(taken time.Time) {
	b.TakenAt, b.Balanced = taken.In(schema.Kuwait).Truncate(time.Millisecond), len(b.Strays) == 0
	for p := range b.all {
		p.balance()
		b.Balanced = b.Balanced && p.Balanced
		b.Totals.add(&p.Terms)
		b.Watermark[fmt.Sprintf("%s/%d", p.topic, p.Partition)] = p.Watermark.least()
	}
	b.Complete = b.Totals.Pending.none()
}
