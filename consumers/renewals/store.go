package renewals

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
)

//go:embed lock_residents.sql
var lockResidents string

//go:embed select_sponsors.sql
var selectSponsors string

//go:embed select_applications.sql
var selectApplications string

//go:embed select_receipts.sql
var selectReceipts string

//go:embed select_decisions.sql
var selectDecisionsSQL string

// earlierDecision is what was decided first under an application id.
type earlierDecision struct {
	digest  [32]byte
	verdict verdict
}

// knowledge is what Postgres holds of a batch's residents, of sponsors, and of the
// application ids.
type knowledge struct {
	residents    map[schema.CivilID]*facts
	sponsors     map[schema.SponsorID]schema.Sponsor
	applications map[uuid.UUID]earlierDecision
	spent        map[string]bool // receipts, by approved applications
	spare        []facts         // memory that is not used yet
}

// resident returns the facts of a resident, which are empty for one who is not in
// the register.
func (k *knowledge) resident(id schema.CivilID) *facts {
	f, ok := k.residents[id]
	if !ok {
		f = k.newFacts()
		k.residents[id] = f
	}
	return f
}

// newFacts are empty. Those of a batch share few pieces of memory.
func (k *knowledge) newFacts() *facts {
	if len(k.spare) == 0 {
		k.spare = make([]facts, spareFacts)
	}
	f := &k.spare[0]
	k.spare = k.spare[1:]
	return f
}

// spareFacts is how many facts memory is allocated for at once.
const spareFacts = 64

var errUnknownName = errors.New("the record holds a name that this program does not know")

// newKnowledge is empty; lookUp fills it.
func newKnowledge(applications int) *knowledge {
	return &knowledge{
		residents:    make(map[schema.CivilID]*facts, applications),
		sponsors:     make(map[schema.SponsorID]schema.Sponsor, applications),
		applications: make(map[uuid.UUID]earlierDecision),
		spent:        make(map[string]bool, applications),
	}
}

// lookUp queues the queries for a batch's residents, whose rows it locks, for the sponsors
// that the applications name, for the application ids, and for the receipts.
func (k *knowledge) lookUp(queue *pgx.Batch, applications []received) {
	n := len(applications)
	residents, sponsors, asked := make([]int64, n), make([]int64, n), make(uuidArray, n)
	receipts := make([]string, 0, n)
	for i := range applications {
		a := &applications[i]
		residents[i], sponsors[i], asked[i] = int64(a.CivilID), int64(a.SponsorID), uuidValue(a.ID)
		if a.Fee.Stated() {
			receipts = append(receipts, a.Fee.Receipt)
		}
	}
	queue.Queue(lockResidents, distinct(residents)).Query(k.scanResidents)
	queue.Queue(selectSponsors, distinct(sponsors)).Query(k.scanSponsors)
	queue.Queue(selectApplications, asked).Query(k.scanApplications)
	slices.Sort(receipts)
	queue.Queue(selectReceipts, receipts).Query(k.scanReceipts)
}

// uuidArray is application ids as a parameter. The driver's own way with a slice makes two
// allocations for each element.
type uuidArray []uuidValue

type uuidValue uuid.UUID

// UUIDValue implements [pgtype.UUIDValuer].
func (v *uuidValue) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: *v, Valid: true}, nil }

var _ pgtype.ArrayGetter = uuidArray(nil)

// Dimensions implements [pgtype.ArrayGetter].
func (s uuidArray) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(s)), LowerBound: 1}}
}

// Index implements [pgtype.ArrayGetter].
func (s uuidArray) Index(i int) any { return &s[i] }

// IndexType implements [pgtype.ArrayGetter].
func (s uuidArray) IndexType() any { return new(uuidValue) }

// distinct returns each key once, in order: Postgres finds keys that lie side by side with
// one search of its index.
func distinct(keys []int64) []int64 {
	slices.Sort(keys)
	return slices.Compact(keys)
}

// addSponsors gives each residency its sponsor. Most were looked up, since applications
// name their sponsors; the few that none names rightly are read now.
func (k *knowledge) addSponsors(ctx context.Context, tx pgx.Tx) error {
	var others []int64
	for _, f := range k.residents {
		if _, found := k.sponsors[f.residency.SponsorID]; f.resides && !found {
			others = append(others, int64(f.residency.SponsorID))
		}
	}
	if len(others) > 0 {
		rows, err := tx.Query(ctx, selectSponsors, distinct(others))
		if err != nil {
			return err
		}
		defer rows.Close()
		if err := k.scanSponsors(rows); err != nil {
			return err
		}
	}
	for _, f := range k.residents {
		f.sponsor = k.sponsors[f.residency.SponsorID]
	}
	return nil
}

// scanResidents reads numbers as Postgres has them, because into our own types the driver
// scans by reflection. All rows are scanned into the same variables.
func (k *knowledge) scanResidents(rows pgx.Rows) error {
	var civilID, sponsorID int64
	var passportExpiry, expiry int32
	var article int16
	var resides bool
	var number, country, relation pgtype.DriverBytes // the driver's own, until the next row
	var at pgtype.TID
	into := []any{&civilID, &number, &country, &passportExpiry, &resides, &article, &sponsorID, &relation, &expiry, &at}
	last := "" // country, which many share
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if string(country) != last {
			last = string(country)
		}
		r, known := schema.ParseRelation(string(relation))
		if resides && !known {
			return fmt.Errorf("%w: relation %q", errUnknownName, relation)
		}
		f := k.newFacts()
		f.known, f.resides, f.at = true, resides, at
		f.passport = schema.Passport{Number: string(number), Country: last, ExpiresOn: schema.Date(passportExpiry)}
		f.residency = schema.Residency{
			CivilID: schema.CivilID(civilID), Article: schema.Article(article), Relation: r,
			SponsorID: schema.SponsorID(sponsorID), ExpiresOn: schema.Date(expiry),
		}
		k.residents[f.residency.CivilID] = f
	}
	return rows.Err()
}

func (k *knowledge) scanSponsors(rows pgx.Rows) error {
	var id int64
	var article int16
	var name string
	for rows.Next() {
		if err := rows.Scan(&id, &name, &article); err != nil {
			return err
		}
		kind, known := schema.ParseSponsorKind(name)
		if !known {
			return fmt.Errorf("%w: sponsor kind %q", errUnknownName, name)
		}
		s := schema.Sponsor{ID: schema.SponsorID(id), Kind: kind, Article: schema.Article(article)}
		k.sponsors[s.ID] = s
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
		err := rows.Scan(&id, &digest, &outcome, &reasons, &v.policy, &v.feeDue, &v.fineDue, &v.oldExpiry, &v.newExpiry)
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

func (k *knowledge) scanReceipts(rows pgx.Rows) error {
	for rows.Next() {
		var receipt string
		if err := rows.Scan(&receipt); err != nil {
			return err
		}
		k.spent[receipt] = true
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
func selectDecisions(ctx context.Context, db *pgxpool.Pool, at schema.TopicPartition, from, to int64) ([]schema.Decision, error) {
	rows, err := db.Query(ctx, selectDecisionsSQL, at.Topic, at.Partition, from, to)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (schema.Decision, error) {
		d := schema.Decision{Cause: schema.Position{Topic: at.Topic, Partition: at.Partition}}
		var disposition, outcome, kind string
		var reasons []string
		err := row.Scan(&d.Cause.Offset, &d.ApplicationID, &disposition, &outcome, &reasons, &d.Policy,
			&d.CivilID, &kind, &d.Article, &d.SponsorID, &d.Months,
			&d.FeeDue, &d.FineDue, &d.FeePaid, &d.OldExpiry, &d.NewExpiry, &d.SubmittedAt, &d.ReceivedAt, &d.DecidedAt)
		if err != nil {
			return d, err
		}
		return d, parseNames(&d, disposition, outcome, kind, reasons)
	})
}

// parseNames reads the closed sets of a decision's row.
func parseNames(d *schema.Decision, disposition, outcome, kind string, reasons []string) (err error) {
	var ok [3]bool
	d.Disposition, ok[0] = schema.ParseDisposition(disposition)
	d.Outcome, ok[1] = schema.ParseOutcome(outcome)
	d.Kind, ok[2] = schema.ParseKind(kind)
	if ok != [3]bool{true, true, true} {
		return fmt.Errorf("%w: %q, %q or %q", errUnknownName, disposition, outcome, kind)
	}
	d.Reasons, err = parseReasons(reasons)
	return err
}
