package schema

import (
	"fmt"
	"slices"
)

// Answers are open: a later edition may add fields, outcomes, dispositions, kinds, reasons
// and events, and readers of this one go on. So what this edition does not know is passed
// over, or kept by its name; what it knows must be as it was published. The limits of numbers
// and strings hold for later editions too, because readers choose their columns by them.

// Limits of an answer's numbers and strings.
const (
	maxReasonText = 500 // characters, in each language
	maxPartition  = 100_000
	// maxOffset is the largest integer that every JSON reader reads exactly.
	maxOffset = 1<<53 - 1
	// maxRevision is far more often than anything is decided.
	maxRevision = 1_000_000
)

var (
	policyPattern = newPattern("A-Za-z0-9.@+-", 1, 64)
	topicPattern  = newPattern("a-zA-Z0-9._-", 1, 249) // Kafka's
	// namePattern is the form of every name that a later edition may bring: of an outcome, a
	// disposition, a kind, a reason, a rule.
	namePattern = newPattern("a-z0-9_", 1, 64)
)

var (
	decisionMembers = newOpenMembers(
		"application_id", "disposition", "outcome", "reasons", "policy",
		"kind", "article", "sponsor_id", "months",
		"fee_due_fils", "fine_due_fils?", "fee_paid_fils", "old_expiry", "new_expiry",
		"submitted_at", "received_at", "decided_at", "cause", "revision", "simulation?",
	)
	reasonMembers = newOpenMembers("code", "en", "ar")
	causeMembers  = newOpenMembers("topic", "partition", "offset")
)

// DecodeDecision reads the data of an event [TypeDecision], of this edition or a later one.
// Any error is an [*Error]. The caller may use the data's bytes again: the decision has
// copies. It has no Civil ID: see [ReadAnswer].
func DecodeDecision(data []byte) (Decision, error) {
	c := newCursor(data)
	d := c.decision()
	c.checkOutcome(&d)
	if err := c.end(); err != nil {
		return Decision{}, err
	}
	return d, nil
}

func (c *cursor) decision() (d Decision) {
	o := c.object(&decisionMembers)
	for c.member(&o) {
		switch o.name() {
		case "application_id":
			d.ApplicationID = c.uuid()
		case "disposition":
			d.Disposition = open(c, ParseDisposition)
		case "outcome":
			d.Outcome = open(c, ParseOutcome)
		case "reasons":
			d.Reasons, d.LaterReasons = c.reasons()
		case "policy":
			d.Policy = c.code(policyPattern)
		case "cause":
			d.Cause = c.cause()
		case "revision":
			d.Revision = c.revision()
		case "simulation":
			d.Simulation = c.boolean()
		default:
			c.decisionFacts(&d, o.name())
		}
	}
	return d
}

// decisionFacts reads what was asked, the money, the expiries and the times.
func (c *cursor) decisionFacts(d *Decision, name string) {
	switch name {
	case "kind":
		d.Kind = open(c, ParseKind)
	case "article":
		d.Article = Article(c.integer(0, MaxArticle))
	case "sponsor_id":
		d.SponsorID = c.sponsorID()
	case "months":
		d.Months = int(c.integer(0, maxMonths))
	case "fee_due_fils":
		d.FeeDue = c.fils()
	case "fine_due_fils": // answers of the edition before have none
		d.FineDue = c.fils()
	case "fee_paid_fils":
		d.FeePaid = c.fils()
	case "old_expiry":
		d.OldExpiry = c.expiry()
	case "new_expiry":
		d.NewExpiry = c.expiry()
	case "submitted_at":
		d.SubmittedAt = c.dateTime()
	case "received_at":
		d.ReceivedAt = c.dateTime()
	case "decided_at":
		d.DecidedAt = c.dateTime()
	}
}

// checkOutcome compares the outcome with the reasons and the new expiry. What belongs to an
// outcome or a kind of a later edition is not known here.
func (c *cursor) checkOutcome(d *Decision) {
	_, knownOutcome := ParseOutcome(d.Outcome.String())
	_, knownKind := ParseKind(d.Kind.String())
	if c.err != nil || !knownOutcome || !knownKind {
		return
	}
	approved, reasons := d.Outcome == OutcomeApproved, d.Reasons.Len()+len(d.LaterReasons)
	switch {
	case approved != (reasons == 0):
		c.fail(RuleContradiction, fmt.Sprintf("%d reasons beside the outcome %s", reasons, d.Outcome))
		c.err.within("reasons")
	case approved != (d.NewExpiry != 0):
		c.fail(RuleContradiction, fmt.Sprintf("present (%t) beside the outcome %s", d.NewExpiry != 0, d.Outcome))
		c.err.within("new_expiry")
	}
}

// reasons reads the set, and apart from it the codes of a later edition. A code that is given
// twice counts once: a later edition may say of two fields what is wrong with each.
func (c *cursor) reasons() (set Reasons, later []string) {
	a := c.array()
	for c.element(&a) {
		r, code := c.reason()
		switch {
		case c.err != nil:
		case r != 0:
			set.Add(r)
		case !slices.Contains(later, code):
			later = append(later, code)
		}
	}
	return set, later
}

// reason reads a reason of ours, or the code of a later edition's. Only the form of its texts
// is checked: the publisher's may be older than ours, or newer.
func (c *cursor) reason() (r Reason, later string) {
	o := c.object(&reasonMembers)
	for c.member(&o) {
		switch o.name() {
		case "code":
			r, later = c.reasonCode()
		case "en", "ar":
			c.sentence(1, maxReasonText)
		}
	}
	return r, later
}

func (c *cursor) reasonCode() (r Reason, later string) {
	s := c.text()
	if r, ok := ParseReason(s); ok {
		return r, ""
	}
	return 0, c.matching(s, namePattern)
}

func (c *cursor) cause() (p Position) {
	o := c.object(&causeMembers)
	for c.member(&o) {
		switch o.name() {
		case "topic":
			p.Topic = c.code(topicPattern)
		case "partition":
			p.Partition = int(c.integer(0, maxPartition))
		case "offset":
			p.Offset = c.integer(0, maxOffset)
		}
	}
	return p
}

func (c *cursor) revision() int { return int(c.integer(1, maxRevision)) }

// expiry reads a date or null. A [Decision] stores null as the first day of 1970, so that
// day cannot be an expiry as well.
func (c *cursor) expiry() Date {
	if c.null() {
		return 0
	}
	d := c.date()
	if c.err == nil && d == 0 {
		c.fail(RuleOutOfRange, "1970-01-01, which is no expiry here")
	}
	return d
}
