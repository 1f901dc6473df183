package schema

import (
	"strings"
	"time"
)

// Limits of a notice's strings, in characters.
const (
	maxFieldPath = 200
	maxFound     = 500
)

var unreadableMembers = newOpenMembers("rule", "field", "found", "received_at", "cause", "revision", "simulation?")

// Unreadable is the answer to a message that cannot be read as the contract says. It names
// the message by its place, and what is wrong with it; it repeats nothing of it.
type Unreadable struct {
	Cause Position // the message
	Rule  Rule     // that it breaks
	// Field is the path of what is wrong or a header's name, as in [Error]; empty for the
	// whole message.
	Field      string
	Found      string    // the shape of what was found: its type, its length
	ReceivedAt time.Time // the broker's time of the message
	Revision   int       // always [FirstRevision] in this edition
	Simulation bool
}

// NewUnreadable answers a message that was received then and cannot be read for that reason.
// What of the reason is longer than the event may say is cut.
func NewUnreadable(cause Position, receivedAt time.Time, reason *Error) Unreadable {
	return Unreadable{
		Cause: cause, Rule: reason.Rule, Field: cut(reason.Field, maxFieldPath), Found: cut(reason.Detail, maxFound),
		ReceivedAt: receivedAt, Revision: FirstRevision,
	}
}

// cut returns the beginning of a text, in at most so many bytes, and so no more characters.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}

// DecodeUnreadable reads the data of an event [TypeUnreadable], of this edition or a later
// one. Any error is an [*Error].
func DecodeUnreadable(data []byte) (Unreadable, error) {
	c := newCursor(data)
	u := c.unreadable()
	if err := c.end(); err != nil {
		return Unreadable{}, err
	}
	return u, nil
}

func (c *cursor) unreadable() (u Unreadable) {
	o := c.object(&unreadableMembers)
	for c.member(&o) {
		switch o.name() {
		case "rule":
			u.Rule = open(c, parseRule)
		case "field":
			u.Field = strings.Clone(c.sentence(0, maxFieldPath))
		case "found":
			u.Found = strings.Clone(c.sentence(0, maxFound))
		case "received_at":
			u.ReceivedAt = c.dateTime()
		case "cause":
			u.Cause = c.cause()
		case "revision":
			u.Revision = c.revision()
		case "simulation":
			u.Simulation = c.boolean()
		}
	}
	return u
}

func parseRule(s string) (Rule, bool) { return parseName(allRules, s) }

// AppendJSON appends the notice as the data of an event [TypeUnreadable]. Its time is cut to
// the microsecond.
func (u *Unreadable) AppendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"rule":`...), u.Rule.String())
	dst = appendString(append(dst, `,"field":`...), u.Field)
	dst = appendString(append(dst, `,"found":`...), u.Found)
	dst = appendTime(append(dst, `,"received_at":`...), u.ReceivedAt, appendMicros)
	dst = u.Cause.appendJSON(append(dst, `,"cause":`...))
	return append(appendEdition(dst, u.Revision, u.Simulation), '}')
}
