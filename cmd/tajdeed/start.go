package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/urfave/cli/v3"

	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
)

// patiently opens what a process needs. Stages and stores are started in any order,
// and a store may be starting again: what does not answer is asked again for as long
// as --wait says. A store that answers and cannot be used is an error at once.
func patiently[T any](ctx context.Context, c *cli.Command, store string, open func(context.Context) (T, error)) (T, error) {
	try := func() (T, error) {
		opened, err := open(ctx)
		if err != nil && (hopeless(err) || c.Duration("wait") == 0) {
			return opened, backoff.Permanent(err)
		}
		return opened, err
	}
	return backoff.Retry(ctx, try,
		backoff.WithMaxElapsedTime(c.Duration("wait")),
		backoff.WithNotify(func(err error, next time.Duration) {
			slog.Warn("waiting for "+store, "error", err, "again_in", next.Round(time.Millisecond).String())
		}))
}

// hopeless says that waiting does not help: another schema, another password.
func hopeless(err error) bool {
	for _, final := range []error{
		postgres.ErrSchemaOld, postgres.ErrSchemaNew, clickhouse.ErrSchemaOld, clickhouse.ErrSchemaNew,
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

// checkTopics waits for the brokers and refuses topics that a stage cannot use.
func checkTopics(ctx context.Context, c *cli.Command) (partitions int, err error) {
	return patiently(ctx, c, "Kafka", func(ctx context.Context) (int, error) {
		return kafka.Check(ctx, c.StringSlice("brokers"), topics(c))
	})
}
