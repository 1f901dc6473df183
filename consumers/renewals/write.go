package renewals

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

var (
	//go:embed copy_applications.sql
	copyApplications string
	//go:embed copy_decisions.sql
	copyDecisions string
	//go:embed update_residents.sql
	updateResidents string
)

// store writes the new applications and all decisions, and queues the residencies that
// were renewed.
func (e *effects) store(ctx context.Context, tx pgx.Tx, queue *pgx.Batch, renewed []*facts) error {
	if err := e.storeApplications(ctx, tx); err != nil {
		return fmt.Errorf("applications: %w", err)
	}
	if err := e.storeDecisions(ctx, tx); err != nil {
		return fmt.Errorf("decisions: %w", err)
	}
	if len(renewed) > 0 {
		queueRenewed(queue, renewed)
	}
	return nil
}

// copies are kept: what a batch is written with is as large as the batch.
var copies sync.Pool

func takeCopy() *postgres.Copy {
	if kept, ok := copies.Get().(*postgres.Copy); ok {
		return kept
	}
	return new(postgres.Copy)
}

// send sends rows and keeps their memory, unless it failed: pgx may read it still.
func send(ctx context.Context, tx pgx.Tx, rows *postgres.Copy, statement string, n int) error {
	if err := rows.Send(ctx, tx, statement, n); err != nil {
		return err
	}
	copies.Put(rows)
	return nil
}

func (e *effects) storeApplications(ctx context.Context, tx pgx.Tx) error {
	if len(e.first) == 0 {
		return nil
	}
	rows := takeCopy()
	e.copyApplications(rows)
	return send(ctx, tx, rows, copyApplications, len(e.first))
}

func (e *effects) copyApplications(rows *postgres.Copy) {
	rows.Reset()
	for _, i := range e.first {
		copyApplication(rows, &e.applications[i])
	}
}

// copyApplication adds the row of copy_applications.sql.
func copyApplication(c *postgres.Copy, r *received) {
	c.Row(22)
	c.Bytes(r.ID[:])
	c.Int8(int64(r.CivilID))
	c.Text(r.Kind.String())
	c.Int2(int16(r.Article))
	c.Int8(int64(r.SponsorID))
	c.Int2(int16(r.Months))
	c.Text(r.Passport.Number)
	c.Text(r.Passport.Country)
	c.Date(r.Passport.ExpiresOn)
	c.Text(r.Channel.String())
	c.Text(r.SubmittedBy)
	c.Time(r.SubmittedAt)
	copyPayment(c, &r.Fee)
	copyInsurance(c, &r.Insurance)
	c.Bytes(r.digest[:])
	c.Text(r.at.Topic)
	c.Int4(int32(r.at.Partition))
	c.Int8(r.at.Offset)
}

// copyPayment adds nulls for a payment that the application did not state.
func copyPayment(c *postgres.Copy, p *schema.Payment) {
	if p.Receipt == "" {
		nulls(c, 3)
		return
	}
	c.Text(p.Receipt)
	c.Int8(int64(p.Amount))
	c.Time(p.PaidAt)
}

// copyInsurance adds nulls for a cover that the application did not state.
func copyInsurance(c *postgres.Copy, i *schema.Insurance) {
	if i.Policy == "" {
		nulls(c, 3)
		return
	}
	c.Text(i.Policy)
	c.Date(i.From)
	c.Date(i.To)
}

func nulls(c *postgres.Copy, n int) {
	for range n {
		c.Null()
	}
}

func (e *effects) storeDecisions(ctx context.Context, tx pgx.Tx) error {
	rows := takeCopy()
	copyAll(rows, e.decisions)
	return send(ctx, tx, rows, copyDecisions, len(e.decisions))
}

func copyAll(rows *postgres.Copy, decisions []schema.Decision) {
	rows.Reset()
	for i := range decisions {
		copyDecision(rows, &decisions[i])
	}
}

// copyDecision adds the row of copy_decisions.sql.
func copyDecision(c *postgres.Copy, d *schema.Decision) {
	c.Row(21)
	c.Text(d.Cause.Topic)
	c.Int4(int32(d.Cause.Partition))
	c.Int8(d.Cause.Offset)
	c.Bytes(d.ApplicationID[:])
	c.Text(d.Disposition.String())
	c.Text(d.Outcome.String())
	c.Texts(d.Reasons.Codes())
	c.Text(d.Policy)
	c.Int8(int64(d.CivilID))
	c.Text(d.Kind.String())
	c.Int2(int16(d.Article))
	c.Int8(int64(d.SponsorID))
	c.Int2(int16(d.Months))
	c.Text(d.Channel.String())
	c.Int8(int64(d.FeeDue))
	c.Int8(int64(d.FeePaid))
	copyExpiry(c, d.OldExpiry)
	copyExpiry(c, d.NewExpiry)
	c.Time(d.SubmittedAt)
	c.Time(d.ReceivedAt)
	c.Time(d.DecidedAt)
}

// copyExpiry adds null for an expiry that there is none of.
func copyExpiry(c *postgres.Copy, d schema.Date) {
	if d == 0 {
		c.Null()
		return
	}
	c.Date(d)
}

var errNotAffected = errors.New("a statement did not change the rows that it should")

// queueRenewed changes the residents' rows where they lie: they are locked, so they lie there
// still, and need not be looked for once more.
func queueRenewed(queue *pgx.Batch, renewed []*facts) {
	at, expiries := make([]pgtype.TID, len(renewed)), make([]int32, len(renewed))
	for i, resident := range renewed {
		at[i], expiries[i] = resident.at, int32(resident.residency.ExpiresOn)
	}
	queue.Queue(updateResidents, at, expiries).Exec(func(tag pgconn.CommandTag) error {
		if n := tag.RowsAffected(); n != int64(len(renewed)) {
			return fmt.Errorf("%w: %d instead of %d", errNotAffected, n, len(renewed))
		}
		return nil
	})
}
