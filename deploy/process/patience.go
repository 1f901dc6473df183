package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
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
		kafka.ErrTopicMissing, kafka.ErrNoChannel,
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

// FindChannels waits until the brokers answer, at most as long as wait says, and returns the
// installation's channels. Where there is none whose topics can be used, the error says why,
// at once: those of [kafka.Find], or [kafka.ErrNoChannel]. A channel that cannot be used
// beside others that can is no error.
func FindChannels(ctx context.Context, wait time.Duration, brokers []string, topics schema.Topics) (kafka.Channels, error) {
	return patiently(ctx, wait, "Kafka", func(ctx context.Context) (kafka.Channels, error) {
		found, err := kafka.Find(ctx, brokers, topics)
		if err == nil && len(found.Usable) == 0 {
			err = kafka.ErrNoChannel
			for _, c := range slices.Sorted(maps.Keys(found.Faults)) {
				err = fmt.Errorf("%w; channel %s: %w", err, c, found.Faults[c])
			}
		}
		return found, err
	})
}
