package schema

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// digestDomain begins the bytes of this digest, so that it equals none of another kind
// of data or of a later version of this form.
const digestDomain = "tajdeed.application.v1\x00"

// Digest identifies what the application says: two messages have the same one
// exactly where every field has the same value, however white space, the order
// of fields, numbers, escapes or offsets were spelled. It tells a resend from a
// conflict.
//
// It is SHA-256 over the fields in the contract's order, each of fixed length or
// with its length before it. Members of closed sets go in by name, because only
// the names are stable. It is stored: changing the form makes resends of old
// applications look like conflicts.
func (a *Application) Digest() [sha256.Size]byte {
	form := make([]byte, 0, 512)
	form = append(form, digestDomain...)
	form = append(form, a.ID[:]...)
	form = digestString(form, a.Kind.String())
	form = digestInt(form, int64(a.CivilID))
	form = digestInt(form, int64(a.Article))
	form = digestInt(form, int64(a.SponsorID))
	form = digestInt(form, int64(a.Months))
	form = a.Passport.digest(form)
	form = digestString(form, a.SubmittedBy)
	form = digestTime(form, a.SubmittedAt)
	form = a.Fee.digest(form)
	form = a.Insurance.digest(form)
	return sha256.Sum256(form)
}

func (p *Passport) digest(form []byte) []byte {
	form = digestString(form, p.Number)
	form = digestString(form, p.Country)
	return digestInt(form, int64(p.ExpiresOn))
}

func (p *Payment) digest(form []byte) []byte {
	if !p.Stated() {
		return append(form, 0)
	}
	form = digestString(append(form, 1), p.Receipt)
	form = digestInt(form, int64(p.Amount))
	return digestTime(form, p.PaidAt)
}

func (i *Insurance) digest(form []byte) []byte {
	if !i.Stated() {
		return append(form, 0)
	}
	form = digestString(append(form, 1), i.Policy)
	form = digestInt(form, int64(i.From))
	return digestInt(form, int64(i.To))
}

func digestInt(form []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(form, uint64(n))
}

func digestString(form []byte, s string) []byte {
	return append(digestInt(form, int64(len(s))), s...)
}

func digestTime(form []byte, t time.Time) []byte {
	form = digestInt(form, t.Unix())
	return digestInt(form, int64(t.Nanosecond()))
}
