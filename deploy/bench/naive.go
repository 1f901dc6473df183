package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/consumers"
	"tajdeed/consumers/renewals"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// naiveReaders is one more than the batches that a worker applies at once: in favour of the
// naive loop.
const naiveReaders = 4

// naivePatience is longer than any machine takes for the messages of the naive loop.
const naivePatience = 10 * time.Minute

// naiveLoop is the loop that most teams write first: fetch a message, decide it in a
// transaction of its own, commit its offset. It decides the same by the same statements, in
// batches of one. In its favour, it neither announces decisions nor quarantines what cannot
// be read. The clock starts when all four readers have their partitions, and each may then
// have fetched some messages.
type naiveLoop struct {
	installation *installation
	stage        *renewals.Stage
	limit        int64
	fetched      atomic.Int64
	done         atomic.Int64
	unreadable   atomic.Int64 // messages that could not be read
}

func (b *bench) naive(ctx context.Context, load workload, limit int64) (run runResult, err error) {
	in, err := b.fullInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	loop := naiveLoop{installation: in, limit: limit, stage: renewals.New(renewals.Config{Topics: in.log.topics, Simulation: true}, prometheus.NewRegistry())}
	if err := in.checkpoint(ctx); err != nil {
		return run, err
	}
	readers := in.openReaders()
	defer func() { err = errors.Join(err, closeReaders(readers)) }()
	if err := in.awaitMembers(ctx, in.group("naive"), naiveReaders); err != nil {
		return run, err
	}
	watch := in.startClock(partTajdeed)
	if err := loop.run(ctx, readers); err != nil {
		return run, err
	}
	if run, err = watch.stop(limit); err != nil {
		return run, err
	}
	return run, loop.check(ctx)
}

func (in *installation) openReaders() []*client.Reader {
	readers := make([]*client.Reader, naiveReaders)
	for i := range readers {
		readers[i] = client.NewReader(client.ReaderConfig{
			Brokers: in.at.Brokers, GroupTopics: in.log.submissions(), GroupID: in.group("naive"), StartOffset: client.FirstOffset,
			// These make only the time before and after the measuring shorter.
			HeartbeatInterval: 500 * time.Millisecond, JoinGroupBackoff: 500 * time.Millisecond, MaxWait: 500 * time.Millisecond,
		})
	}
	return readers
}

func closeReaders(readers []*client.Reader) (err error) {
	for _, reader := range readers {
		err = errors.Join(err, reader.Close())
	}
	return err
}

func (l *naiveLoop) run(ctx context.Context, readers []*client.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	fetching, enough := context.WithTimeout(ctx, naivePatience)
	defer enough()
	for _, reader := range readers {
		group.Go(func() error { return l.consume(ctx, fetching, enough, reader) })
	}
	return group.Wait()
}

// consume decides messages until all readers together have decided as many as the limit,
// which ends the fetching of all readers.
func (l *naiveLoop) consume(ctx, fetching context.Context, enough func(), reader *client.Reader) error {
	for {
		m, err := reader.FetchMessage(fetching)
		switch {
		case errors.Is(fetching.Err(), context.Canceled) && ctx.Err() == nil:
			return nil
		case err != nil:
			return fmt.Errorf("fetch a message: %w", err)
		case l.fetched.Add(1) > l.limit:
			return nil
		}
		if err := l.decide(ctx, m); err != nil {
			return fmt.Errorf("decide a message: %w", err)
		}
		if err := reader.CommitMessages(ctx, m); err != nil {
			return fmt.Errorf("commit an offset: %w", err)
		}
		if l.done.Add(1) == l.limit {
			enough()
		}
	}
}

func (l *naiveLoop) decide(ctx context.Context, m client.Message) error {
	batch := batchOfOne(m)
	effects := l.stage.Effects([]consumers.Decoded{l.stage.Decode(batch)})
	if len(batch.QuarantineMessages(l.installation.log.topics.Quarantine())) > 0 {
		l.unreadable.Add(1)
		return nil
	}
	return pgx.BeginFunc(ctx, l.installation.stagePool, func(tx pgx.Tx) error {
		var ask, last pgx.Batch
		effects.LookUp(&ask)
		if err := tx.SendBatch(ctx, &ask).Close(); err != nil {
			return err
		}
		if err := effects.Apply(ctx, tx, &last); err != nil || last.Len() == 0 {
			return err
		}
		return tx.SendBatch(ctx, &last).Close()
	})
}

func batchOfOne(m client.Message) *consumers.Batch {
	message := consumers.Message{
		Offset: m.Offset, Time: m.Time.Truncate(time.Microsecond), Key: m.Key, Value: m.Value, Headers: kafka.FromHeaders(m.Headers),
	}
	return &consumers.Batch{
		Topic: m.Topic, Partition: m.Partition, Partitions: schema.DefaultPartitions, From: m.Offset, To: m.Offset + 1, Messages: []consumers.Message{message},
	}
}

// check compares the decisions in the record with the messages.
func (l *naiveLoop) check(ctx context.Context) error {
	var decisions int64
	if err := l.installation.postgres.QueryRow(ctx, `SELECT count(*) FROM decision`).Scan(&decisions); err != nil {
		return fmt.Errorf("count the decisions: %w", err)
	}
	if decisions+l.unreadable.Load() != l.limit {
		return fmt.Errorf("%w: of %d messages, %d were decided and %d could not be read", errIncomplete, l.limit, decisions, l.unreadable.Load())
	}
	return nil
}
