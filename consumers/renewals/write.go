package renewals

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

var (
	//go:embed copy_decisions.sql
	copyDecisions string
	//go:embed update_residents.sql
	updateResidents string
)

// writeDecisions writes the decisions with a COPY. It returns the memory that it used to
// copies, unless it failed: pgx may be reading it still.
func (e *effects) writeDecisions(ctx context.Context, tx pgx.Tx) error {
	rows := reuseCopy()
	e.copyDecisions(rows)
	if err := rows.Send(ctx, tx, copyDecisions, len(e.decisions)); err != nil {
		return err
	}
	select {
	case copies <- rows:
	default: // more were used at once than are kept
	}
	return nil
}

// copies are kept for reuse: the memory to write a batch with is as large as the batch. A
// sync.Pool would lose them with every other garbage collection.
var copies = make(chan *postgres.Copy, 4)

func reuseCopy() *postgres.Copy {
	select {
	case kept := <-copies:
		return kept
	default:
		return new(postgres.Copy)
	}
}

func (e *effects) copyDecisions(rows *postgres.Copy) {
	rows.Reset()
	for i := range e.decisions {
		copyDecision(rows, &e.decisions[i], &e.applications[i])
	}
}

// copyDecision adds the row of copy_decisions.sql.
func copyDecision(c *postgres.Copy, d *schema.Decision, a *received) {
	c.Row(31)
	c.Int4(int32(d.Cause.Partition))
	c.Int2(int16(d.Article))
	c.Int2(int16(d.Months))
	c.Int8(d.Cause.Offset)
	c.Bytes(d.ApplicationID[:])
	c.Text(d.Cause.Topic)
	c.Text(d.Disposition.String())

	c.Text(d.Outcome.String())
	c.Texts(d.Reasons.Codes())
	c.Text(d.Policy)
	c.Int8(int64(d.FeeDue))
	c.Int8(int64(d.FineDue))
	copyExpiry(c, d.OldExpiry)
	copyExpiry(c, d.NewExpiry)
	c.Time(d.ReceivedAt)
	c.Time(d.DecidedAt)

	c.Int8(int64(d.CivilID))
	c.Int8(int64(d.SponsorID))
	c.Text(d.Kind.String())
	c.Time(d.SubmittedAt)
	c.Int8(int64(d.FeePaid))

	if d.Disposition != schema.DispositionFirst {
		nulls(c, 10)
		return
	}
	c.Bytes(a.digest[:])
	c.Date(a.Passport.ExpiresOn)
	c.Text(a.Passport.Number)
	c.Text(a.Passport.Country)
	c.Text(a.SubmittedBy)
	copyPayment(c, &a.Fee)
	copyInsurance(c, &a.Insurance)
}

// copyPayment adds a payment, or nulls where the application stated none.
func copyPayment(c *postgres.Copy, p *schema.Payment) {
	if p.Receipt == "" {
		nulls(c, 2)
		return
	}
	c.Time(p.PaidAt)
	c.Text(p.Receipt)
}

// copyInsurance adds a cover, or nulls where the application stated none.
func copyInsurance(c *postgres.Copy, i *schema.Insurance) {
	if i.Policy == "" {
		nulls(c, 3)
		return
	}
	c.Date(i.From)
	c.Date(i.To)
	c.Text(i.Policy)
}

// copyExpiry adds an expiry, or null where there is none.
func copyExpiry(c *postgres.Copy, d schema.Date) {
	if d == 0 {
		c.Null()
		return
	}
	c.Date(d)
}

func nulls(c *postgres.Copy, n int) {
	for range n {
		c.Null()
	}
}

var errNotAffected = errors.New("a statement did not change the rows that it should")

// queueRenewed queues the update of the residents' rows by where they lie: they are locked,
// so they have not moved, and need not be searched for again.
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
