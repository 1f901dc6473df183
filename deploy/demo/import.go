package demo

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema/extract"
	"tajdeed/schema/postgres"
)

// importFolder imports the extract in a folder strictly: the first bad line is the error.
// It calls read, if it is not nil, with the number of bytes whenever some were read.
func importFolder(ctx context.Context, pool *pgxpool.Pool, dir string, read func(n int)) error {
	e, err := extract.Open(dir)
	if err != nil {
		return err
	}
	if read != nil {
		e.Observe(read)
	}
	_, err = postgres.ImportRegister(ctx, pool, e, postgres.ImportOptions{
		BadLine: func(_ *extract.Record, wrong *extract.LineError) error { return wrong },
	})
	return err
}
