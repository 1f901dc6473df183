package schema

import (
	"fmt"
	"unicode/utf8"
)

// Limits of a decision's numbers and strings.
const (
	maxReasonText = 500 // characters, in each language
	maxPartition  = 100_000
	// maxOffset is the largest integer that every JSON reader reads exactly.
	maxOffset = 1<<53 - 1
)

var (
	policyPattern = newPattern("A-Za-z0-9.@-", 1, 32)
	topicPattern  = newPattern("a-zA-Z0-9._-", 1, 249) // Kafka's
)

var (
	decisionMembers = newMembers(18,
		"application_id", "disposition", "outcome", "reasons", "policy",
		"kind", "article", "sponsor_id", "months", "channel",
		"fee_due_fils", "fee_paid_fils", "old_expiry", "new_expiry",
		"submitted_at", "received_at", "decided_at", "cause",
	)
	reasonMembers = newMembers(3, "code", "en", "ar")
	causeMembers  = newMembers(3, "topic", "partition", "offset")
)

// DecodeDecision reads the data of an event [TypeDecision]. Any error is an
// [*Error]. The caller may use the data's bytes again: the decision has copies. It has
// no Civil ID: see [ReadDecision].
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
			d.Disposition = named(c, ParseDisposition)
		case "outcome":
			d.Outcome = named(c, ParseOutcome)
		case "reasons":
			d.Reasons = c.reasons()
		case "policy":
			d.Policy = c.code(policyPattern)
		case "cause":
			d.Cause = c.cause()
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
		d.Kind = named(c, ParseKind)
	case "article":
		d.Article = c.article()
	case "sponsor_id":
		d.SponsorID = c.sponsorID()
	case "months":
		d.Months = c.months()
	case "channel":
		d.Channel = named(c, ParseChannel)
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

// checkOutcome compares the outcome with the reasons and the new expiry.
func (c *cursor) checkOutcome(d *Decision) {
	approved := d.Outcome == OutcomeApproved
	switch {
	case c.err != nil:
	case approved != (d.Reasons == 0):
		c.fail(RuleContradiction, fmt.Sprintf("%d reasons beside the outcome %s", d.Reasons.Len(), d.Outcome))
		c.err.within("reasons")
	case approved != (d.NewExpiry != 0):
		c.fail(RuleContradiction, fmt.Sprintf("present (%t) beside the outcome %s", d.NewExpiry != 0, d.Outcome))
		c.err.within("new_expiry")
	}
}

// reasons reads the set. Only the form of a wording is checked: the publisher's texts
// may be older than ours.
func (c *cursor) reasons() (set Reasons) {
	a := c.array()
	for c.element(&a) {
		r := c.reason()
		switch {
		case c.err != nil:
		case set.Has(r):
			c.fail(RuleDuplicateField, "a reason given twice")
		default:
			set.Add(r)
		}
	}
	return set
}

func (c *cursor) reason() (r Reason) {
	o := c.object(&reasonMembers)
	for c.member(&o) {
		switch o.name() {
		case "code":
			r = named(c, ParseReason)
		case "en", "ar":
			c.wording()
		}
	}
	return r
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
