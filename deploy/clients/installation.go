package clients

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/migrate"
	"tajdeed/schema/postgres"
)

// clientID is the name under which the servers see this process.
const clientID = "tajdeed-clients"

// partitions is how many each topic has.
const partitions = 3

// onServers brings an installation up that knows the residents, and calls do while its
// stages and a later edition's work.
func (c Config) onServers(ctx context.Context, at local.Endpoints, residents []resident, do func() error) error {
	c.say("bringing the schemas up to date")
	if err := prepare(ctx, at, residents); err != nil {
		return err
	}
	c.say("starting the stages")
	workers, err := startStages(at)
	if err != nil {
		return err
	}
	defer func() { _ = workers.Close() }() // one that takes too long is killed
	// The stages run already when the channels are added, as in an installation.
	if err := addChannels(ctx, at.Brokers); err != nil {
		return err
	}
	return besideLater(ctx, at.Brokers, do)
}

// prepare migrates the stores and imports the residents. The installation begins with a
// channel that nobody uses, because stages do not start without one.
func prepare(ctx context.Context, at local.Endpoints, residents []resident) error {
	stores := migrate.Config{
		Postgres:   postgres.Config{URL: at.Postgres, ApplicationName: clientID},
		ClickHouse: clickhouse.Config{URL: at.ClickHouse, ApplicationName: clientID},
		Kafka: kafka.Config{
			Brokers: at.Brokers, Topics: schema.Topics{Prefix: schema.DefaultPrefix},
			Channels: []schema.Channel{"counter"}, Partitions: partitions,
		},
	}
	if err := migrate.Run(ctx, stores, nil); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, stores.Postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	dir := filepath.Join(at.Data, "extract")
	if err := writeExtract(dir, residents, schema.DateOf(time.Now())); err != nil {
		return err
	}
	return postgres.ImportFolder(ctx, db, dir, nil)
}

// startStages starts a process of each stage.
func startStages(at local.Endpoints) (*local.Workers, error) {
	env, err := worker.Installation{
		Brokers: at.Brokers, Prefix: schema.DefaultPrefix, PostgresURL: at.Postgres, ClickHouseURL: at.ClickHouse,
		PseudonymKey: rand.Text() + rand.Text(),
	}.Env()
	if err != nil {
		return nil, err
	}
	workers := local.NewWorkers(local.WorkersConfig{Env: env, Logs: filepath.Join(at.Data, "log"), Logger: slog.Default()})
	for _, stage := range []string{renewals.Name, analytics.Name} {
		if err := workers.Start(stage); err != nil {
			return nil, errors.Join(err, workers.Close())
		}
	}
	return workers, nil
}

// addChannels creates the topics of the examples' channels: in the installation, where a
// later edition answers, and where only partitions are compared.
func addChannels(ctx context.Context, brokers []string) error {
	numbers := map[string]int{schema.DefaultPrefix: partitions, laterPrefix: partitions}
	for _, n := range placedPartitions {
		numbers[placedPrefix(n)] = n
	}
	for prefix, n := range numbers {
		if _, err := kafka.Create(ctx, kafka.Config{Brokers: brokers, Topics: schema.Topics{Prefix: prefix}, Channels: channels(), Partitions: n}); err != nil {
			return fmt.Errorf("add the examples' channels: %w", err)
		}
	}
	return nil
}

// besideLater calls do while a later edition answers on its topics.
func besideLater(ctx context.Context, brokers []string, do func() error) error {
	group, working := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(working)
	for _, channel := range channels() {
		l := later{brokers: brokers, topics: schema.Topics{Prefix: laterPrefix}, channel: channel}
		group.Go(func() error { return l.run(working, partitions) })
	}
	done := do()
	stop()
	return errors.Join(done, group.Wait())
}
