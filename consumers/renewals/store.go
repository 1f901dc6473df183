package renewals

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
)

//go:embed lock_residencies.sql
var lockResidencies string

//go:embed select_residents.sql
var selectResidents string

//go:embed select_applications.sql
var selectApplications string

//go:embed insert_applications.sql
var insertApplications string

//go:embed insert_decisions.sql
var insertDecisions string

//go:embed update_residencies.sql
var updateResidencies string

//go:embed select_decisions.sql
var selectDecisionsSQL string

// load reads, in one round trip, what the record knows of a batch's residents and
// application ids, and locks the residencies.
func load(ctx context.Context, tx pgx.Tx, applications []received) (*knowledge, error) {
	residents, ids := keys(applications)
	k := &knowledge{
		residents:    make(map[schema.CivilID]*facts, len(residents)),
		applications: make(map[uuid.UUID]earlierDecision, len(ids)),
	}
	var queue pgx.Batch
	queue.Queue(lockResidencies, residents).Query(k.scanResidencies)
	queue.Queue(selectResidents, residents).Query(k.scanResidents)
	queue.Queue(selectApplications, ids).Query(k.scanApplications)
	if err := tx.SendBatch(ctx, &queue).Close(); err != nil {
		return nil, err
	}
	return k, nil
}

// keys returns the distinct residents, in order, and the application ids.
func keys(applications []received) (residents []int64, ids [][16]byte) {
	residents, ids = make([]int64, len(applications)), make([][16]byte, len(applications))
	for i := range applications {
		residents[i], ids[i] = int64(applications[i].CivilID), applications[i].ID
	}
	slices.Sort(residents)
	return slices.Compact(residents), ids
}

func (k *knowledge) scanResidencies(rows pgx.Rows) error {
	var relation, kind string
	for rows.Next() {
		f := &facts{known: true, resides: true}
		err := rows.Scan(&f.residency.CivilID, &f.passport.Number, &f.passport.Country, &f.passport.ExpiresOn,
			&f.residency.Article, &f.residency.SponsorID, &relation, &f.residency.ExpiresOn, &kind, &f.sponsor.Article)
		if err != nil {
			return err
		}
		var knownRelation, knownKind bool
		f.residency.Relation, knownRelation = schema.ParseRelation(relation)
		f.sponsor.Kind, knownKind = schema.ParseSponsorKind(kind)
		if !knownRelation || !knownKind {
			return fmt.Errorf("%w: relation %q, sponsor kind %q", errUnknownName, relation, kind)
		}
		f.sponsor.ID = f.residency.SponsorID
		k.residents[f.residency.CivilID] = f
	}
	return rows.Err()
}

func (k *knowledge) scanResidents(rows pgx.Rows) error {
	for rows.Next() {
		var id schema.CivilID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		k.residents[id] = &facts{known: true}
	}
	return rows.Err()
}

func (k *knowledge) scanApplications(rows pgx.Rows) error {
	for rows.Next() {
		var (
			id      uuid.UUID
			earlier earlierDecision
			digest  []byte
			outcome string
			reasons []string
		)
		v := &earlier.verdict
		err := rows.Scan(&id, &digest, &outcome, &reasons, &v.policy, &v.feeDue, &v.oldExpiry, &v.newExpiry)
		if err != nil {
			return err
		}
		copy(earlier.digest[:], digest)
		if v.reasons, err = parseReasons(reasons); err != nil {
			return err
		}
		k.applications[id] = earlier
	}
	return rows.Err()
}

func parseReasons(codes []string) (set schema.Reasons, err error) {
	for _, code := range codes {
		reason, ok := schema.ParseReason(code)
		if !ok {
			return 0, fmt.Errorf("%w: reason %q", errUnknownName, code)
		}
		set.Add(reason)
	}
	return set, nil
}

// store writes, in one round trip, the new applications, all decisions and the
// residencies that were renewed.
func (e *effects) store(ctx context.Context, tx pgx.Tx, renewed []schema.Residency) error {
	var queue pgx.Batch
	if len(e.first) > 0 {
		queue.Queue(insertApplications, e.applicationColumns()...)
	}
	queue.Queue(insertDecisions, e.decisionColumns()...)
	if len(renewed) > 0 {
		ids, expiries := make([]int64, len(renewed)), make([]int32, len(renewed))
		for i, residency := range renewed {
			ids[i], expiries[i] = int64(residency.CivilID), int32(residency.ExpiresOn)
		}
		queue.Queue(updateResidencies, ids, expiries).Exec(affects(len(renewed)))
	}
	return tx.SendBatch(ctx, &queue).Close()
}

var errNotAffected = errors.New("a statement did not change the rows that it should")

// affects makes sure that a statement changed as many rows as it was given.
func affects(want int) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if got := tag.RowsAffected(); got != int64(want) {
			return fmt.Errorf("%w: %d instead of %d", errNotAffected, got, want)
		}
		return nil
	}
}

// column makes an array of one value of each. An id goes in as its bytes: pgx writes
// a uuid.UUID as text and parses that, which is half of a batch's allocations
// (BenchmarkApply).
func column[T, V any](rows []T, value func(*T) V) []V {
	values := make([]V, len(rows))
	for i := range rows {
		values[i] = value(&rows[i])
	}
	return values
}

// applicationColumns are the parameters of insert_applications.sql.
func (e *effects) applicationColumns() []any {
	rows := make([]*received, len(e.first))
	for i, index := range e.first {
		rows[i] = &e.applications[index]
	}
	type row = *received
	return []any{
		e.batch.Topic, e.batch.Partition,
		column(rows, func(r *row) [16]byte { return (*r).ID }),
		column(rows, func(r *row) int64 { return int64((*r).CivilID) }),
		column(rows, func(r *row) string { return (*r).Kind.String() }),
		column(rows, func(r *row) int16 { return int16((*r).Article) }),
		column(rows, func(r *row) int64 { return int64((*r).SponsorID) }),
		column(rows, func(r *row) int16 { return int16((*r).Months) }),
		column(rows, func(r *row) string { return (*r).Passport.Number }),
		column(rows, func(r *row) string { return (*r).Passport.Country }),
		column(rows, func(r *row) int32 { return int32((*r).Passport.ExpiresOn) }),
		column(rows, func(r *row) string { return (*r).Channel.String() }),
		column(rows, func(r *row) string { return (*r).SubmittedBy }),
		column(rows, func(r *row) time.Time { return (*r).SubmittedAt }),
		column(rows, func(r *row) *string { return stated((*r).Fee.Receipt) }),
		column(rows, func(r *row) int64 { return int64((*r).Fee.Amount) }),
		column(rows, func(r *row) time.Time { return (*r).Fee.PaidAt }),
		column(rows, func(r *row) *string { return stated((*r).Insurance.Policy) }),
		column(rows, func(r *row) int32 { return int32((*r).Insurance.From) }),
		column(rows, func(r *row) int32 { return int32((*r).Insurance.To) }),
		column(rows, func(r *row) []byte { return (*r).digest[:] }),
		column(rows, func(r *row) int64 { return (*r).message.Offset }),
	}
}

// stated is null for what the application did not state.
func stated(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// decisionColumns are the parameters of insert_decisions.sql.
func (e *effects) decisionColumns() []any {
	type row = schema.Decision
	rows := e.decisions
	return []any{
		e.batch.Topic, e.batch.Partition, rows[0].DecidedAt,
		column(rows, func(d *row) int64 { return d.Cause.Offset }),
		column(rows, func(d *row) [16]byte { return d.ApplicationID }),
		column(rows, func(d *row) string { return d.Disposition.String() }),
		column(rows, func(d *row) string { return d.Outcome.String() }),
		column(rows, func(d *row) string { return "{" + strings.Join(d.Reasons.Codes(), ",") + "}" }),
		column(rows, func(d *row) string { return d.Policy }),
		column(rows, func(d *row) int64 { return int64(d.CivilID) }),
		column(rows, func(d *row) string { return d.Kind.String() }),
		column(rows, func(d *row) int16 { return int16(d.Article) }),
		column(rows, func(d *row) int64 { return int64(d.SponsorID) }),
		column(rows, func(d *row) int16 { return int16(d.Months) }),
		column(rows, func(d *row) string { return d.Channel.String() }),
		column(rows, func(d *row) int64 { return int64(d.FeeDue) }),
		column(rows, func(d *row) int64 { return int64(d.FeePaid) }),
		column(rows, func(d *row) int32 { return int32(d.OldExpiry) }),
		column(rows, func(d *row) int32 { return int32(d.NewExpiry) }),
		column(rows, func(d *row) time.Time { return d.SubmittedAt }),
		column(rows, func(d *row) time.Time { return d.ReceivedAt }),
	}
}

// selectDecisions reads the decisions that a run of a partition caused.
func selectDecisions(ctx context.Context, db *pgxpool.Pool, topic string, partition int, from, to int64) ([]schema.Decision, error) {
	rows, err := db.Query(ctx, selectDecisionsSQL, topic, partition, from, to)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (schema.Decision, error) {
		d := schema.Decision{Cause: schema.Position{Topic: topic, Partition: partition}}
		var disposition, outcome, kind, channel string
		var reasons []string
		err := row.Scan(&d.Cause.Offset, &d.ApplicationID, &disposition, &outcome, &reasons, &d.Policy,
			&d.CivilID, &kind, &d.Article, &d.SponsorID, &d.Months, &channel,
			&d.FeeDue, &d.FeePaid, &d.OldExpiry, &d.NewExpiry, &d.SubmittedAt, &d.ReceivedAt, &d.DecidedAt)
		if err != nil {
			return d, err
		}
		return d, parseNames(&d, disposition, outcome, kind, channel, reasons)
	})
}

// parseNames reads the closed sets of a decision's row.
func parseNames(d *schema.Decision, disposition, outcome, kind, channel string, reasons []string) (err error) {
	var ok [4]bool
	d.Disposition, ok[0] = schema.ParseDisposition(disposition)
	d.Outcome, ok[1] = schema.ParseOutcome(outcome)
	d.Kind, ok[2] = schema.ParseKind(kind)
	d.Channel, ok[3] = schema.ParseChannel(channel)
	if ok != [4]bool{true, true, true, true} {
		return fmt.Errorf("%w: %q, %q, %q or %q", errUnknownName, disposition, outcome, kind, channel)
	}
	d.Reasons, err = parseReasons(reasons)
	return err
}
