package schema

import (
	"time"

	"github.com/google/uuid"
)

// Decision is what became of one message that carried an application. There is
// exactly one for every readable message, so a channel that sent an application
// twice is answered twice, the same.
type Decision struct {
	Cause         Position // the message that this decides
	ApplicationID uuid.UUID
	Disposition   Disposition
	Outcome       Outcome
	Reasons       Reasons // why it was rejected; empty where it was approved
	Policy        string  // the version of the policy that decided

	// What was asked, as far as analysts need it. The resident's Civil ID is in
	// the message's key only.
	CivilID   CivilID
	Kind      Kind
	Article   Article
	SponsorID SponsorID
	Months    int
	Channel   Channel

	FeeDue    Fils // what the policy asks; 0 where it has no price
	FeePaid   Fils
	OldExpiry Date // 0 where no residency is known, and in a conflict
	NewExpiry Date // 0 where rejected

	// The times of the stages. ReceivedAt is the Kafka time of the message,
	// DecidedAt the worker's clock: observations, no inputs.
	SubmittedAt time.Time
	ReceivedAt  time.Time
	DecidedAt   time.Time
}

// Outcome is how an application ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeApproved Outcome = iota + 1
	OutcomeRejected
)

// Disposition says which of the messages with one application_id a decision
// answers.
type Disposition uint8

// The dispositions.
const (
	// DispositionFirst is the decision on an application seen for the first time.
	DispositionFirst Disposition = iota + 1
	// DispositionResend repeats the first decision for the same application sent
	// again.
	DispositionResend
	// DispositionConflict rejects another application under an application_id
	// that is in use; the first stays as it was.
	DispositionConflict
)

var (
	outcomeNames     = [...]string{OutcomeApproved: "approved", OutcomeRejected: "rejected"}
	dispositionNames = [...]string{
		DispositionFirst:    "first",
		DispositionResend:   "resend",
		DispositionConflict: "conflict",
	}
)

// Outcomes returns all outcomes, in their order.
func Outcomes() []Outcome { return enumerate[Outcome](outcomeNames[:]) }

// Dispositions returns all dispositions, in their order.
func Dispositions() []Disposition { return enumerate[Disposition](dispositionNames[:]) }

// String returns the outcome as a message names it.
func (o Outcome) String() string { return enumName(outcomeNames[:], o) }

// String returns the disposition as a message names it.
func (d Disposition) String() string { return enumName(dispositionNames[:], d) }

// ParseOutcome returns the outcome that a message names.
func ParseOutcome(s string) (Outcome, bool) { return parseEnum[Outcome](outcomeNames[:], s) }

// ParseDisposition returns the disposition that a message names.
func ParseDisposition(s string) (Disposition, bool) {
	return parseEnum[Disposition](dispositionNames[:], s)
}
