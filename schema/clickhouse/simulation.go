package clickhouse

import (
	"context"
	"errors"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// ErrNotEmpty says that a database with rows cannot become that of a simulation.
var ErrNotEmpty = errors.New("the database is not empty: only an empty one can become that of a simulation")

// Simulate makes the database that of a simulation, for good. The error is [ErrNotEmpty]
// where it holds decisions and is none yet.
func Simulate(ctx context.Context, conn driver.Conn) error {
	simulated, err := IsSimulation(ctx, conn)
	if err != nil || simulated {
		return err
	}
	var rows uint64
	if err := conn.QueryRow(ctx, `SELECT count() FROM decision`).Scan(&rows); err != nil {
		return fmt.Errorf("clickhouse: make it a simulation: %w", err)
	}
	if rows > 0 {
		return fmt.Errorf("clickhouse: make it a simulation: %w", ErrNotEmpty)
	}
	if err := conn.Exec(ctx, `INSERT INTO installation (simulated) VALUES (true)`); err != nil {
		return fmt.Errorf("clickhouse: make it a simulation: %w", err)
	}
	return nil
}

// IsSimulation says whether the database is that of a simulation.
func IsSimulation(ctx context.Context, conn driver.Conn) (bool, error) {
	var rows uint64
	if err := conn.QueryRow(ctx, `SELECT countIf(simulated) FROM installation`).Scan(&rows); err != nil {
		return false, fmt.Errorf("clickhouse: is it a simulation: %w", err)
	}
	return rows > 0, nil
}
