package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"

	"tajdeed/dashboards/text"
	"tajdeed/schema/postgres"
)

// template returns a database that is at this program's schema and has the register of a
// load's population. It is made once for each population.
func (b *bench) template(ctx context.Context, load workload) (string, error) {
	if name, made := b.templates[load.population()]; made {
		return name, nil
	}
	b.say(fmt.Sprintf("importing a register of %s residents", text.Thousands(int64(load.residents))))
	name := b.name()
	if _, err := b.postgres.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	if err := b.importInto(ctx, name, load); err != nil {
		return "", err
	}
	b.templates[load.population()] = name
	return name, nil
}

func (b *bench) importInto(ctx context.Context, name string, load workload) error {
	simulation, err := load.simulation()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.folder, name)
	defer func() { _ = os.RemoveAll(dir) }()
	if err := simulation.WriteExtract(dir); err != nil {
		return err
	}
	db, err := postgres.Connect(ctx, postgres.Config{URL: inDatabase(b.at.Postgres, name), ApplicationName: clientID})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := postgres.Migrate(ctx, db); err != nil {
		return err
	}
	if err := postgres.Simulate(ctx, db); err != nil {
		return err
	}
	return postgres.ImportFolder(ctx, db, dir, nil)
}

// clone creates a database like another one, to which nobody may be connected.
func (b *bench) clone(ctx context.Context, template string) (string, error) {
	name := b.name()
	_, err := b.postgres.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, template))
	if err != nil {
		return "", fmt.Errorf("clone a database: %w", err)
	}
	return name, nil
}

// dropEnlarged drops the template that was made for one figure alone.
func (b *bench) dropEnlarged(ctx context.Context) error {
	if b.enlarged == "" {
		return nil
	}
	name := b.enlarged
	b.enlarged = ""
	return b.dropPostgres(ctx, name)
}

// fillRegister adds residencies to the register by SQL: making them by the simulation would
// take as long as all the measuring.
//
//go:embed register.sql
var fillRegister string

// enlargedTemplate returns a database with a register as large as the setting says. An
// enlarged one serves one figure, and is dropped after it.
func (b *bench) enlargedTemplate(ctx context.Context, s setting) (name string, err error) {
	template, err := b.template(ctx, s.load)
	if err != nil || s.residencies == 0 {
		return template, err
	}
	if b.enlarged == "" {
		b.say(fmt.Sprintf("filling the register up to %s residencies", text.Thousands(s.residencies)))
		if b.enlarged, err = b.clone(ctx, template); err != nil {
			return "", err
		}
		err = b.enlarge(ctx, b.enlarged, s.residencies)
	}
	return b.enlarged, err
}

// beforeFilling drops the keys and the check of references: row by row they take most of
// the time. afterFilling restores them and checks the whole table at once.
var beforeFilling = []string{
	"ALTER TABLE resident DROP CONSTRAINT resident_pkey",
	"ALTER TABLE resident ALTER CONSTRAINT resident_sponsor_id_fkey NOT ENFORCED",
	"ALTER TABLE resident SET (fillfactor = 70)", // as an import does
}

// shuffleRows writes all rows anew in the order of a hash. In a register that has grown
// over years, the rows that one batch reads lie anywhere in the table; so they do then.
var shuffleRows = []string{
	"CREATE INDEX shuffled ON resident (hashint8(civil_id))", "CLUSTER resident USING shuffled", "DROP INDEX shuffled",
}

var afterFilling = []string{
	"ALTER TABLE resident RESET (fillfactor)",
	"ALTER TABLE resident ADD CONSTRAINT resident_pkey PRIMARY KEY (civil_id)",
	"VACUUM ANALYZE resident",
	"ALTER TABLE resident ALTER CONSTRAINT resident_sponsor_id_fkey ENFORCED",
}

var errTooFew = errors.New("the register did not grow as large as it should")

func (b *bench) enlarge(ctx context.Context, name string, residencies int64) (err error) {
	conn, err := pgx.Connect(ctx, inDatabase(b.at.Postgres, name)) // without a statement timeout
	if err != nil {
		return fmt.Errorf("fill the register: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := enlargeTo(ctx, conn, residencies); err != nil {
		return fmt.Errorf("fill the register: %w", err)
	}
	return nil
}

// enlargeTo fills the register up to a number of residencies.
func enlargeTo(ctx context.Context, conn *pgx.Conn, residencies int64) error {
	have, err := countResidencies(ctx, conn)
	if err != nil {
		return err
	}
	if err := execute(ctx, conn, beforeFilling); err != nil {
		return err
	}
	if have < residencies {
		if _, err := conn.Exec(ctx, fillRegister, residencies-have); err != nil {
			return err
		}
	}
	if err := execute(ctx, conn, slices.Concat(shuffleRows, afterFilling)); err != nil {
		return err
	}
	if have, err = countResidencies(ctx, conn); err == nil && have < residencies {
		err = fmt.Errorf("%w: %d of %d", errTooFew, have, residencies)
	}
	return err
}

func execute(ctx context.Context, conn *pgx.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

func countResidencies(ctx context.Context, conn *pgx.Conn) (n int64, err error) {
	if err = conn.QueryRow(ctx, `SELECT count(*) FROM residency`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the residencies: %w", err)
	}
	return n, nil
}
