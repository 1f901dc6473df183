package process

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
)

// patiently opens a store, again and again until it answers or the wait is over: stages and
// stores are started in any order, and a store may be restarting. A store that answers and
// cannot be used is an error at once.
func patiently[T any](ctx context.Context, wait time.Duration, store string, open func(context.Context) (T, error)) (T, error) {
	try := func() (T, error) {
		opened, err := open(ctx)
		if err != nil && (permanent(err) || wait == 0) {
			return opened, backoff.Permanent(err)
		}
		return opened, err
	}
	return backoff.Retry(ctx, try,
		backoff.WithMaxElapsedTime(wait),
		backoff.WithNotify(func(err error, next time.Duration) {
			slog.Warn("waiting for "+store, "error", err, "again_in", next.Round(time.Millisecond).String())
		}))
}

// permanent says that waiting does not help: the schema is another one, or the password.
func permanent(err error) bool {
	for _, final := range []error{
		postgres.ErrSchemaOld, postgres.ErrSchemaNew, clickhouse.ErrNoDatabase, clickhouse.ErrSchemaOld, clickhouse.ErrSchemaNew,
		kafka.ErrTopicMissing, kafka.ErrPartitions,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code[:2] == invalidAuthorization
}

// invalidAuthorization is the class of SQLSTATEs of a refused login.
const invalidAuthorization = "28"

// CheckTopics waits until the brokers answer, at most as long as wait says, and returns how
// many partitions each topic has. If the stages cannot use the topics, the error is
// [kafka.ErrTopicMissing] or [kafka.ErrPartitions], at once.
func CheckTopics(ctx context.Context, wait time.Duration, brokers []string, topics schema.Topics) (partitions int, err error) {
	return patiently(ctx, wait, "Kafka", func(ctx context.Context) (int, error) {
		return kafka.Check(ctx, brokers, topics)
	})
}
