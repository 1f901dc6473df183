package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"tajdeed/dashboards/text"
)

// fillRegister adds residencies to the register by SQL alone: through the simulation it
// would take as long as all that is measured.
//
//go:embed register.sql
var fillRegister string

// grownTemplate returns a database with a register as large as the setting asks for. One
// that was made larger is for one figure, and dropped with it.
func (b *bench) grownTemplate(ctx context.Context, s setting) (name string, err error) {
	template, err := b.template(ctx, s.load)
	if err != nil || s.residencies == 0 {
		return template, err
	}
	if b.grown == "" {
		b.say(fmt.Sprintf("filling the register up to %s residencies", text.Thousands(s.residencies)))
		if b.grown, err = b.clone(ctx, template); err != nil {
			return "", err
		}
		err = b.grow(ctx, b.grown, s.residencies)
	}
	return b.grown, err
}

// Keys and references are taken off for the filling: row by row they are most of its
// time, and at the end they are made and checked for the whole table at once.
var looseRegister = []string{
	"ALTER TABLE resident DROP CONSTRAINT resident_pkey",
	"ALTER TABLE resident ALTER CONSTRAINT resident_sponsor_id_fkey NOT ENFORCED",
	"ALTER TABLE resident SET (fillfactor = 70)", // as an import does
}

// Of a register that has grown over years, the rows of one batch lie anywhere in the
// table. Here all rows are laid out anew, in the order of a hash, so that those which
// are asked for lie scattered among those which are not.
var shuffledRegister = []string{
	"CREATE INDEX shuffled ON resident (hashint8(civil_id))", "CLUSTER resident USING shuffled", "DROP INDEX shuffled",
}

var tightRegister = []string{
	"ALTER TABLE resident RESET (fillfactor)",
	"ALTER TABLE resident ADD CONSTRAINT resident_pkey PRIMARY KEY (civil_id)",
	"VACUUM ANALYZE resident",
	"ALTER TABLE resident ALTER CONSTRAINT resident_sponsor_id_fkey ENFORCED",
}

var errTooFew = errors.New("the register did not grow as large as it should")

func (b *bench) grow(ctx context.Context, name string, residencies int64) (err error) {
	conn, err := pgx.Connect(ctx, inDatabase(b.at.Postgres, name)) // without a statement timeout
	if err != nil {
		return fmt.Errorf("fill the register: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := growTo(ctx, conn, residencies); err != nil {
		return fmt.Errorf("fill the register: %w", err)
	}
	return nil
}

// growTo fills the register up to a number of residencies.
func growTo(ctx context.Context, conn *pgx.Conn, residencies int64) error {
	have, err := countResidencies(ctx, conn)
	if err != nil {
		return err
	}
	if err := execute(ctx, conn, looseRegister); err != nil {
		return err
	}
	if have < residencies {
		if _, err := conn.Exec(ctx, fillRegister, residencies-have); err != nil {
			return err
		}
	}
	if err := execute(ctx, conn, slices.Concat(shuffledRegister, tightRegister)); err != nil {
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
