package local

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// packages are where the servers are run from.
type packages struct {
	postgres   string // folder with bin and lib
	clickhouse string // the library
	broker     Broker // BrokerKafka or BrokerKfake
	java, jars string // for Kafka
}

// fetchAll finds the packages, and fetches those that are missing side by side.
func fetchAll(ctx context.Context, c Config, had Broker) (packages, error) {
	var g packages
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		g.postgres, err = fetchPostgres(ctx, c)
		return err
	})
	group.Go(func() (err error) {
		g.clickhouse, err = fetchClickHouse(ctx, c)
		return err
	})
	group.Go(func() error { return g.chooseBroker(ctx, c, had) })
	err := group.Wait()
	return g, err
}

// chooseBroker keeps the broker that a data folder has, if it has one: the
// topics, and the positions that Postgres holds, are that broker's.
func (g *packages) chooseBroker(ctx context.Context, c Config, had Broker) error {
	wanted := c.Broker
	if wanted == BrokerAuto && had != "" {
		wanted = had
	}
	if had != "" && wanted != had {
		return fmt.Errorf("the topics in %s were made with the broker %s and cannot move to %s: start fresh, or give another data folder", c.Data, had, wanted)
	}
	if g.broker = BrokerKfake; wanted == BrokerKfake {
		return nil
	}
	java, jars, err := fetchKafka(ctx, c)
	if err == nil {
		g.broker, g.java, g.jars = BrokerKafka, java, jars
		return nil
	}
	if wanted == BrokerKafka || ctx.Err() != nil || errors.As(err, new(tamperedError)) {
		return err
	}
	c.Logger.Warn("Apache Kafka cannot be had here; kfake stands in for it", "reason", err)
	c.Progress("using kfake instead of Apache Kafka: " + err.Error())
	return nil
}
