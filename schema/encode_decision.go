package schema

import "strconv"

// AppendJSON appends the decision as the data of an event [TypeDecision]. Its
// times are cut to the microsecond. It checks nothing, as
// [Application.AppendJSON].
func (d *Decision) AppendJSON(dst []byte) []byte {
	dst = appendUUID(append(dst, `{"application_id":`...), d.ApplicationID)
	dst = appendString(append(dst, `,"disposition":`...), d.Disposition.String())
	dst = appendString(append(dst, `,"outcome":`...), d.Outcome.String())
	dst = d.Reasons.appendJSON(append(dst, `,"reasons":`...))
	dst = appendString(append(dst, `,"policy":`...), d.Policy)
	dst = d.appendFacts(dst)
	dst = d.Cause.appendJSON(append(dst, `,"cause":`...))
	return append(appendEdition(dst, d.Revision, d.Simulation), '}')
}

func (d *Decision) appendFacts(dst []byte) []byte {
	dst = appendString(append(dst, `,"kind":`...), d.Kind.String())
	dst = strconv.AppendUint(append(dst, `,"article":`...), uint64(d.Article), 10)
	dst = appendSponsorID(append(dst, `,"sponsor_id":`...), d.SponsorID)
	dst = strconv.AppendInt(append(dst, `,"months":`...), int64(d.Months), 10)
	dst = strconv.AppendInt(append(dst, `,"fee_due_fils":`...), int64(d.FeeDue), 10)
	dst = strconv.AppendInt(append(dst, `,"fine_due_fils":`...), int64(d.FineDue), 10)
	dst = strconv.AppendInt(append(dst, `,"fee_paid_fils":`...), int64(d.FeePaid), 10)
	dst = appendExpiry(append(dst, `,"old_expiry":`...), d.OldExpiry)
	dst = appendExpiry(append(dst, `,"new_expiry":`...), d.NewExpiry)
	dst = appendTime(append(dst, `,"submitted_at":`...), d.SubmittedAt, appendMicros)
	dst = appendTime(append(dst, `,"received_at":`...), d.ReceivedAt, appendMicros)
	return appendTime(append(dst, `,"decided_at":`...), d.DecidedAt, appendMicros)
}

func (s Reasons) appendJSON(dst []byte) []byte {
	dst = append(dst, '[')
	comma := ""
	for r := range s.All() {
		dst = append(append(dst, comma...), reasonJSON[r]...)
		comma = ","
	}
	return append(dst, ']')
}

// reasonJSON are the reasons as they are written: they never change, and their texts
// are long.
var reasonJSON = func() (written [len(reasonTexts)][]byte) {
	for _, r := range AllReasons() {
		dst := appendString([]byte(`{"code":`), r.Code())
		dst = appendString(append(dst, `,"en":`...), r.English())
		dst = appendString(append(dst, `,"ar":`...), r.Arabic())
		written[r] = append(dst, '}')
	}
	return written
}()

func (p *Position) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"topic":`...), p.Topic)
	dst = strconv.AppendInt(append(dst, `,"partition":`...), int64(p.Partition), 10)
	dst = strconv.AppendInt(append(dst, `,"offset":`...), p.Offset, 10)
	return append(dst, '}')
}

// appendExpiry writes a date, or null for none.
func appendExpiry(dst []byte, d Date) []byte {
	if d == 0 {
		return append(dst, "null"...)
	}
	return appendDate(dst, d)
}

// appendEdition appends what every answer says of itself. Only in a simulation it says that
// it is of one.
func appendEdition(dst []byte, revision int, simulation bool) []byte {
	dst = strconv.AppendInt(append(dst, `,"revision":`...), int64(revision), 10)
	if simulation {
		dst = append(dst, `,"simulation":true`...)
	}
	return dst
}
