package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNotEmpty says that a record with contents cannot become a simulation: what holds for
// somebody could not be told from what holds for nobody.
var ErrNotEmpty = errors.New("the record is not empty: only an empty one can become a simulation")

//go:embed simulation/simulate.sql
var simulate string

// Simulate makes the installation a simulation, for good. It needs the role that owns the
// tables. The error is [ErrNotEmpty] where the record holds anything and is none yet.
func Simulate(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var simulated bool
		if err := tx.QueryRow(ctx, simulate).Scan(&simulated); err != nil {
			return err
		}
		if !simulated {
			return ErrNotEmpty
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("postgres: make it a simulation: %w", err)
	}
	return nil
}

// IsSimulation says whether the installation is a simulation.
func IsSimulation(ctx context.Context, pool *pgxpool.Pool) (simulated bool, err error) {
	if err := pool.QueryRow(ctx, `SELECT simulated FROM installation`).Scan(&simulated); err != nil {
		return false, fmt.Errorf("postgres: is it a simulation: %w", err)
	}
	return simulated, nil
}
