package schema

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// AppendJSON appends the application as the data of an event
// [TypeApplicationSubmitted]. It checks nothing: what is out of range is written
// and refused by whoever decodes it.
func (a *Application) AppendJSON(dst []byte) []byte {
	dst = appendUUID(append(dst, `{"application_id":`...), a.ID)
	dst = appendString(append(dst, `,"kind":`...), a.Kind.String())
	dst = append(a.CivilID.Append(append(dst, `,"civil_id":"`...)), '"')
	dst = strconv.AppendUint(append(dst, `,"article":`...), uint64(a.Article), 10)
	dst = appendSponsorID(append(dst, `,"sponsor_id":`...), a.SponsorID)
	dst = strconv.AppendInt(append(dst, `,"months":`...), int64(a.Months), 10)
	dst = a.Passport.appendJSON(append(dst, `,"passport":`...))
	dst = appendString(append(dst, `,"submitted_by":`...), a.SubmittedBy)
	dst = appendTime(append(dst, `,"submitted_at":`...), a.SubmittedAt, appendDateTime)
	if a.Fee.Stated() {
		dst = a.Fee.appendJSON(append(dst, `,"fee":`...))
	}
	if a.Insurance.Stated() {
		dst = a.Insurance.appendJSON(append(dst, `,"insurance":`...))
	}
	return append(dst, '}')
}

func (p *Passport) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"number":`...), p.Number)
	dst = appendString(append(dst, `,"country":`...), p.Country)
	dst = appendDate(append(dst, `,"expires_on":`...), p.ExpiresOn)
	return append(dst, '}')
}

func (p *Payment) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"receipt":`...), p.Receipt)
	dst = strconv.AppendInt(append(dst, `,"amount_fils":`...), int64(p.Amount), 10)
	dst = appendTime(append(dst, `,"paid_at":`...), p.PaidAt, appendDateTime)
	return append(dst, '}')
}

func (i *Insurance) appendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"policy":`...), i.Policy)
	dst = appendDate(append(dst, `,"from":`...), i.From)
	dst = appendDate(append(dst, `,"to":`...), i.To)
	return append(dst, '}')
}

// appendString writes a JSON string by the library, which BenchmarkAppendApplication and
// BenchmarkAppendDecision find as fast as a loop of our own.
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // bytes that are not UTF-8 become the replacement character
	return dst
}

// appendUUID writes 8-4-4-4-12 in small letters; the library's way of writing it
// allocates.
func appendUUID(dst []byte, id uuid.UUID) []byte {
	dst = hex.AppendEncode(append(dst, '"'), id[:4])
	dst = hex.AppendEncode(append(dst, '-'), id[4:6])
	dst = hex.AppendEncode(append(dst, '-'), id[6:8])
	dst = hex.AppendEncode(append(dst, '-'), id[8:10])
	return append(hex.AppendEncode(append(dst, '-'), id[10:]), '"')
}

func appendSponsorID(dst []byte, id SponsorID) []byte {
	return append(strconv.AppendUint(append(dst, '"'), uint64(id), 10), '"')
}

func appendDate(dst []byte, d Date) []byte {
	return append(d.Append(append(dst, '"')), '"')
}

func appendTime(dst []byte, t time.Time, form func([]byte, time.Time) []byte) []byte {
	return append(form(append(dst, '"'), t), '"')
}
