package schema

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Answers are open: a later edition may add fields, outcomes, dispositions, kinds, reasons
// and events, and readers of this one go on. So whatever it does not know is passed over or
// kept by its name; what it knows must be as it was published.

// Limits of an answer's numbers and strings.
const (
	maxReasonText = 500 // characters, in each language
	maxPartition  = 100_000
	// maxOffset is the largest integer that every JSON reader reads exactly.
	maxOffset = 1<<53 - 1
	// maxRevision is far more often than anything is decided.
	maxRevision = 1_000_000
	// maxDetail is of the shape that was found, in bytes.
	maxDetail = 500
	// maxPath is of a field's path, in bytes.
	maxPath = 200
)

var (
	policyPattern = newPattern("A-Za-z0-9.@+-", 1, 64)
	topicPattern  = newPattern("a-zA-Z0-9._-", 1, 249) // Kafka's
	// namePattern is the form of every name that a later edition may bring: of an outcome, a
	// disposition, a kind, a reason, a rule.
	namePattern = newPattern("a-z0-9_", 1, 64)
)

var (
	decisionMembers = newOpenMembers(17,
		"application_id", "disposition", "outcome", "reasons", "policy",
		"kind", "article", "sponsor_id", "months",
		"fee_due_fils", "fee_paid_fils", "old_expiry", "new_expiry",
		"submitted_at", "received_at", "decided_at", "cause", "revision", "simulation",
	)
	reasonMembers     = newOpenMembers(3, "code", "en", "ar")
	causeMembers      = newOpenMembers(3, "topic", "partition", "offset")
	unreadableMembers = newOpenMembers(5, "rule", "field", "found", "received_at", "cause", "revision", "simulation")
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
	d.Revision = FirstRevision
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
		d.Article = c.article()
	case "sponsor_id":
		d.SponsorID = c.sponsorID()
	case "months":
		d.Months = c.months()
	case "fee_due_fils":
		d.FeeDue = c.fils()
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
// outcome of a later edition is not known here.
func (c *cursor) checkOutcome(d *Decision) {
	if c.err != nil || !slices.Contains(Outcomes(), d.Outcome) {
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

// reasons reads the set, and apart from it the codes of a later edition. Only the form of a
// wording is checked: the publisher's texts may be older than ours, or newer.
func (c *cursor) reasons() (set Reasons, later []string) {
	a := c.array()
	for c.element(&a) {
		code := c.reason()
		r, known := ParseReason(code)
		switch {
		case c.err != nil:
		case set.Has(r) || slices.Contains(later, code):
			c.fail(RuleDuplicateField, "a reason given twice")
		case known:
			set.Add(r)
		default:
			later = append(later, code)
		}
	}
	return set, later
}

func (c *cursor) reason() (code string) {
	o := c.object(&reasonMembers)
	for c.member(&o) {
		switch o.name() {
		case "code":
			code = open(c, func(s string) (string, bool) {
				r, known := ParseReason(s)
				if !known {
					return "", false
				}
				return r.Code(), true
			})
		case "en", "ar":
			c.wording()
		}
	}
	return code
}

// wording reads what a reason says to a person.
func (c *cursor) wording() {
	s := c.text()
	n := utf8.RuneCountInString(s)
	switch {
	case c.err != nil:
	case n == 0:
		c.badFormat(s, "a text")
	case n > maxReasonText:
		c.fail(RuleTooLong, fmt.Sprintf("a string of %d characters, at most %d", n, maxReasonText))
	}
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
