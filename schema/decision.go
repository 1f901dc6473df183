package schema

import (
	"time"

	"github.com/google/uuid"
)

// Decision is what became of one message that carried an application. There is
// exactly one for every readable message, so a channel that sent an application
// twice is answered twice, the same.
//
// Its names are open: one that was read may come from a later edition, see [ReadAnswer].
type Decision struct {
	Cause         Position // the message that this decides
	ApplicationID uuid.UUID
	Disposition   Disposition
	Outcome       Outcome
	Reasons       Reasons // why it was rejected; empty where it was approved
	// LaterReasons are the codes of reasons that this edition does not know, as they were
	// read. It writes none.
	LaterReasons []string
	Policy       string // the version of the policy that decided
	// Revision numbers the decisions on one application: of two, the higher holds.
	Revision int
	// Simulation says that the installation is one: what it decides holds for nobody.
	Simulation bool

	// What was asked, as far as analysts need it. The resident's Civil ID is in
	// the message's key only, and the channel in its topic's name.
	CivilID   CivilID
	Kind      Kind
	Article   Article
	SponsorID SponsorID
	Months    int

	FeeDue    Fils // what the policy asks; 0 where it has no price, or it is not told
	FineDue   Fils // what a late renewal owes beside the fee; not told where FeeDue is not
	FeePaid   Fils
	OldExpiry Date // 0 where no residency is known, where it is not told, and in a conflict
	NewExpiry Date // 0 where rejected

	// The times of the stages. SubmittedAt is the channel's. ReceivedAt is the broker's, of
	// the message that is decided; whether SubmittedAt can be believed is measured by it.
	// DecidedAt is the worker's clock, an observation and no input.
	SubmittedAt time.Time
	ReceivedAt  time.Time
	DecidedAt   time.Time
}

// FirstRevision is the revision of the first decision on an application, and of every
// other answer.
const FirstRevision = 1

// ReasonCodes returns the codes of all reasons, also of those that this edition does not
// know.
func (d *Decision) ReasonCodes() []string { return append(d.Reasons.Codes(), d.LaterReasons...) }

// Outcome is how an application ended. A reader takes an outcome that it does not know for
// one that is not final.
type Outcome string

// The outcomes.
const (
	OutcomeApproved Outcome = "approved"
	OutcomeRejected Outcome = "rejected"
)

// Disposition says which of the messages with one application_id a decision
// answers.
type Disposition string

// The dispositions.
const (
	// DispositionFirst is the decision on an application seen for the first time.
	DispositionFirst Disposition = "first"
	// DispositionResend repeats the first decision for the same application sent
	// again.
	DispositionResend Disposition = "resend"
	// DispositionConflict rejects another application under an application_id
	// that is in use; the first stays as it was.
	DispositionConflict Disposition = "conflict"
)

// Outcomes returns the outcomes of this edition, in their order.
func Outcomes() []Outcome { return []Outcome{OutcomeApproved, OutcomeRejected} }

// Dispositions returns the dispositions of this edition, in their order.
func Dispositions() []Disposition {
	return []Disposition{DispositionFirst, DispositionResend, DispositionConflict}
}

// String returns the outcome as a message names it.
func (o Outcome) String() string { return string(o) }

// String returns the disposition as a message names it.
func (d Disposition) String() string { return string(d) }

// ParseOutcome returns the outcome of this edition that has a name.
func ParseOutcome(s string) (Outcome, bool) { return parseName(Outcomes(), s) }

// ParseDisposition returns the disposition of this edition that has a name.
func ParseDisposition(s string) (Disposition, bool) { return parseName(Dispositions(), s) }
