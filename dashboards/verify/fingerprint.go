package verify

import (
	"crypto/md5" //nolint:gosec // a checksum that all three stores can make, no secret
	"encoding/binary"
	"strconv"
	"time"

	"tajdeed/schema"
)

// fingerprinter makes the same fingerprints as Postgres by decisions.sql and
// quarantined.sql, and ClickHouse by its view decision_fingerprint and range_places.sql. It
// is for one goroutine.
type fingerprinter struct{ buf []byte }

// decision is the fingerprint of a decision.
func (f *fingerprinter) decision(d *schema.Decision) int64 {
	f.buf = strconv.AppendInt(f.buf[:0], d.Cause.Offset, 10)
	f.text(d.ApplicationID.String())
	f.text(d.Disposition.String())
	f.text(d.Outcome.String())
	f.list(d.ReasonCodes())
	f.text(d.Policy)
	f.text(d.Kind.String())
	f.number(int64(d.Article))
	f.number(int64(d.Months))
	f.number(int64(d.FeeDue))
	f.number(int64(d.FeePaid))
	f.number(int64(d.OldExpiry))
	f.number(int64(d.NewExpiry))
	for _, t := range [...]time.Time{d.SubmittedAt, d.ReceivedAt, d.DecidedAt} {
		f.number(t.UnixMicro())
	}
	return f.sum()
}

// place is the fingerprint of where a decision lies, and since when, and of what its channel
// and the installation are. The topic keeps milliseconds, ClickHouse microseconds.
func (f *fingerprinter) place(p *place, e *entry) int64 {
	f.buf = strconv.AppendInt(f.buf[:0], e.offset, 10)
	f.text(p.log.Topic)
	f.number(int64(p.log.Partition))
	f.number(e.logOffset)
	f.number(e.publishedAt * time.Millisecond.Microseconds())
	f.text(string(p.channel))
	f.number(schema.FirstRevision)
	f.text(strconv.FormatBool(p.simulated))
	return f.sum()
}

// notice is the fingerprint of an answer to a message that cannot be read.
func (f *fingerprinter) notice(u *schema.Unreadable) int64 {
	f.buf = strconv.AppendInt(f.buf[:0], u.Cause.Offset, 10)
	f.text(u.Rule.String())
	f.text(u.Field)
	f.text(u.Found)
	f.number(u.ReceivedAt.UnixMicro())
	f.number(int64(u.Revision))
	f.text(strconv.FormatBool(u.Simulation))
	return f.sum()
}

// persons is the fingerprint of the pseudonyms of the person and the sponsor that a
// decision is about.
func (f *fingerprinter) persons(offset int64, person, sponsor uint64) int64 {
	f.buf = strconv.AppendInt(f.buf[:0], offset, 10)
	f.unsigned(person)
	f.unsigned(sponsor)
	return f.sum()
}

// quarantined is the fingerprint of a message in quarantine.
func (f *fingerprinter) quarantined(offset int64, rule string) int64 {
	f.buf = strconv.AppendInt(f.buf[:0], offset, 10)
	f.text(rule)
	return f.sum()
}

func (f *fingerprinter) text(s string) { f.buf = append(append(f.buf, '|'), s...) }

func (f *fingerprinter) number(n int64) { f.buf = strconv.AppendInt(append(f.buf, '|'), n, 10) }

func (f *fingerprinter) unsigned(n uint64) { f.buf = strconv.AppendUint(append(f.buf, '|'), n, 10) }

func (f *fingerprinter) list(texts []string) {
	f.buf = append(f.buf, '|')
	for i, s := range texts {
		if i > 0 {
			f.buf = append(f.buf, ',')
		}
		f.buf = append(f.buf, s...)
	}
}

func (f *fingerprinter) sum() int64 {
	sum := md5.Sum(f.buf) //nolint:gosec // see the import
	return int64(binary.BigEndian.Uint64(sum[:]))
}
