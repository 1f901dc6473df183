package renewals

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
)

//go:embed lock_residencies.sql
var lockResidencies string

//go:embed select_residents.sql
var selectResidents string

//go:embed select_applications.sql
var selectApplications string

//go:embed select_decisions.sql
var selectDecisionsSQL string

// earlierDecision is what was decided first under an application id.
type earlierDecision struct {
	digest  [32]byte
	verdict verdict
}

// knowledge is what the record knows of a batch's residents and application ids.
type knowledge struct {
	residents    map[schema.CivilID]*facts
	applications map[uuid.UUID]earlierDecision
}

// resident returns the facts of a resident, which are empty for one who is not in
// the register.
func (k *knowledge) resident(id schema.CivilID) *facts {
	f, ok := k.residents[id]
	if !ok {
		f = &facts{}
		k.residents[id] = f
	}
	return f
}

var errUnknownName = errors.New("the record holds a name that this program does not know")

// newKnowledge is empty; ask fills it.
func newKnowledge(applications int) *knowledge {
	return &knowledge{
		residents:    make(map[schema.CivilID]*facts, applications),
		applications: make(map[uuid.UUID]earlierDecision),
	}
}

// ask asks what the record knows of a batch's residents and application ids, and
// locks the residencies.
func (k *knowledge) ask(queue *pgx.Batch, residents []int64, ids [][16]byte) {
	queue.Queue(lockResidencies, residents).Query(k.scanResidencies)
	queue.Queue(selectApplications, ids).Query(k.scanApplications)
}

// loadOthers looks among the residents for those who have no residency: so few that
// asking for them apart is cheaper than looking for all of them twice.
func (k *knowledge) loadOthers(ctx context.Context, tx pgx.Tx, residents []int64) error {
	without := slices.DeleteFunc(residents, func(id int64) bool {
		_, resides := k.residents[schema.CivilID(id)]
		return resides
	})
	if len(without) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, selectResidents, without)
	if err != nil {
		return err
	}
	defer rows.Close()
	return k.scanResidents(rows)
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
			&f.residency.Article, &f.residency.SponsorID, &relation, &f.residency.ExpiresOn, &kind, &f.sponsor.Article, &f.at)
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
