// Package verify proves that an installation lost nothing, did nothing twice and answered
// every message. For every channel it compares the record in Postgres, the topics in Kafka
// and the rows in ClickHouse, offset by offset, and names every difference. It may run while
// everything else runs: what is still on its way is counted apart, as pending.
//
// On request it repairs ClickHouse from the record. It changes nothing else: an answer
// that is missing on its topic is published by the stage renewals when it next takes the
// partition over.
//
// The command `tajdeed verify`, the demo and chaos call it.
package verify

import (
	"cmp"
	"context"
	"errors"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/consumers/analytics"
	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

// Config says which installation is verified, and how.
type Config struct {
	Brokers []string
	// Topics names the installation's topics. Which channels there are is what the brokers
	// say.
	Topics schema.Topics
	// AnalyticsGroup is the consumer group of the stage analytics. Default
	// [analytics.Group].
	AnalyticsGroup string
	// Postgres is a pool on the record. Its statement timeout must be [StatementTimeout] or
	// more.
	Postgres *pgxpool.Pool
	// ClickHouse is a connection to the database that holds the rows of the answers.
	ClickHouse driver.Conn
	// Pseudonym holds the key of the stage analytics. Without it, the persons and sponsors
	// of ClickHouse's rows are not compared. A repair needs it.
	Pseudonym *analytics.Pseudonym
	// Wait is the longest time to wait until everything that lies on the topics now was
	// decided, answered and inserted; 0 waits for nothing. What is missing after it is
	// pending in the books.
	Wait time.Duration
	// Repair brings ClickHouse in line with the record.
	Repair bool
}

// StatementTimeout bounds one statement in Postgres: a year takes a second or two.
const StatementTimeout = 5 * time.Minute

// Validate says what is wrong with the configuration. It contacts no server.
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
// and returns what it found. Books that do not balance are no error: [Books.Balanced] says
// so. An error means that the stores could not be compared.
func Run(ctx context.Context, c Config) (*Books, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	begin := time.Now()
	simulated, err := postgres.IsSimulation(ctx, c.Postgres)
	if err != nil {
		return nil, err
	}
	v := &verifier{
		brokers: c.Brokers, topics: c.Topics, simulated: simulated, group: cmp.Or(c.AnalyticsGroup, analytics.Group),
		postgres: c.Postgres, clickhouse: c.ClickHouse, transport: newTransport(), pseudonym: c.Pseudonym,
	}
	defer v.transport.CloseIdleConnections()
	if err := v.wait(ctx, c.Wait); err != nil {
		return nil, err
	}
	verify := v.verify
	if c.Repair {
		verify = v.repair
	}
	found, err := verify(ctx)
	if err != nil {
		return nil, err
	}
	found.books.Seconds = text.Rounded(time.Since(begin).Seconds())
	return found.books, nil
}

// verifier compares the three stores of one installation.
type verifier struct {
	brokers    []string
	topics     schema.Topics
	simulated  bool   // whether the installation is a simulation, as every answer must say
	group      string // of the stage analytics
	postgres   *pgxpool.Pool
	clickhouse driver.Conn
	transport  *client.Transport
	pseudonym  *analytics.Pseudonym // nil without the key
}

// verification is what one comparison of the three stores found.
type verification struct {
	*recordContents

	marks marks
}

// verify compares the three stores once. Nothing stops for it: messages are decided,
// answered and inserted while it reads. An answer moves in one direction only, from the
// record to its topic and from there to ClickHouse, and verify reads in an order that
// makes the comparison exact in spite of that:
//
//  1. It reads the marks: how far the record, ClickHouse and the topics have come. The
//     record's own mark comes first. What was published by then lies on the topics before
//     the ends that are read after it, so an answer that is not there is lost and not late.
//     Which channels there are is asked in between, for the same reason.
//  2. It reads the record, at one instant. Whatever was in ClickHouse or on the topics
//     when the marks were read was in the record before, so an answer that is not there
//     is unknown and not new.
//  3. It reads the topics, up to the ends that were marked. This needs no order with 2 and
//     runs beside it.
//  4. It compares ClickHouse, each partition up to a limit that follows from the marks.
//     Answers are inserted in their order, so a row that is missing before the limit is
//     lost and not late.
//
// What the record holds beyond the marks is pending, and no imbalance.
func (v *verifier) verify(ctx context.Context) (*verification, error) {
	takenAt := time.Now()
	marks, err := v.readMarks(ctx)
	if err != nil {
		return nil, err
	}
	record, announced, err := v.readRecordAndTopics(ctx, marks)
	if err != nil {
		return nil, err
	}
	found := &verification{recordContents: record, marks: marks}
	for _, c := range marks.channels { // also those that nobody has read yet
		for partition := range marks.partitions {
			found.books.partition(v.topics.Submissions(c), partition)
		}
	}
	if err := v.checkUnaccounted(ctx, record.books); err != nil {
		return nil, err
	}
	for p := range record.books.all {
		found.compareWithTopics(p, announced)
		found.setLimits(p) // where the answers lie on their topic decides them
	}
	found.books.Strays, found.books.Ignored = append(found.books.Strays, announced.strays...), announced.ignored

	if err := v.compareClickHouse(ctx, &marks, record); err != nil {
		return nil, err
	}
	found.addUnknownRows()

	if err := v.countPending(ctx, marks.channels, record.books); err != nil {
		return nil, err
	}
	record.books.balance(takenAt)
	return found, nil
}

// readRecordAndTopics reads the record and, beside it, the topics up to the marks.
func (v *verifier) readRecordAndTopics(ctx context.Context, marks marks) (record *recordContents, announced *announcements, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		record, err = readRecord(ctx, v.postgres, v.topics, v.simulated)
		return err
	})
	group.Go(func() (err error) {
		announced, err = v.readAnnouncements(ctx, marks)
		return err
	})
	return record, announced, group.Wait()
}

// compareWithTopics compares what the record holds of a partition with the topics.
func (f *verification) compareWithTopics(p *PartitionBooks, announced *announcements) {
	at := p.at()
	published := f.marks.positions[at].published
	p.Watermark = Watermark{Record: p.Next, Published: p.Next, ClickHouse: p.Next}
	compareAnswers(p, f.decisions.of(at), f.notices.of(at), announced.answers[at], published)
	compareQuarantined(p, f.quarantined.of(at), announced.quarantined[at], published)
}

// setLimits sets how far ClickHouse is compared with a partition's answers, and counts
// those beyond as pending.
func (f *verification) setLimits(p *PartitionBooks) {
	answersTo, _ := f.topics.AnswersTo(p.topic)
	log := schema.TopicPartition{Topic: answersTo, Partition: p.Partition}
	progress := &f.marks.progress
	for answers, reached := range map[*entries]*reached{
		f.decisions.of(p.at()): &progress.decisions, f.notices.of(p.at()): &progress.notices,
	} {
		answers.limit = reached.limit(p.at(), log, answers)
		if beyond := answers.all[answers.indexFrom(answers.limit):]; len(beyond) > 0 {
			p.Watermark.ClickHouse = min(p.Watermark.ClickHouse, beyond[0].offset)
			p.Pending.ClickHouse += int64(len(beyond))
		}
	}
}

// addUnknownRows notes the rows of ClickHouse that the comparison up to the limits does not
// reach and whose causes the record has not consumed, although it was read after them.
func (f *verification) addUnknownRows() {
	f.addUnknownRowsOf(&f.marks.progress.decisions, f.decisions, GapUnknown)
	f.addUnknownRowsOf(&f.marks.progress.notices, f.notices, GapUnreadableUnknown)
}

func (f *verification) addUnknownRowsOf(reached *reached, answers entriesOf, kind GapKind) {
	for at, highest := range reached.highest {
		if !f.knows(at) {
			f.books.Strays = append(f.books.Strays, Stray{at.Topic, at.Partition, Gap{kind, 0, highest}})
		}
	}
	for at, offsets := range reached.beyond {
		if !f.ours(at.Topic) {
			continue
		}
		p := f.books.partition(at.Topic, at.Partition)
		for _, offset := range offsets {
			if offset >= max(p.Next, answers.of(at).limit) {
				p.addGap(kind, offset, offset+1)
			}
		}
	}
}

// countPending counts the messages that lie on the channels' topics and were not consumed.
func (v *verifier) countPending(ctx context.Context, channels []schema.Channel, b *Books) error {
	ends, err := v.readEnds(ctx, channels, v.topics.Submissions)
	if err != nil {
		return err
	}
	for at, end := range ends {
		p := b.partition(at.Topic, at.Partition)
		if p.Next == 0 { // nobody has read it yet
			p.Pending.Consume = end.Next - end.First
			continue
		}
		p.Pending.Consume = max(0, end.Next-p.Next)
	}
	return nil
}
