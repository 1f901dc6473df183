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
	f.list(d.Reasons.Codes())
	f.text(d.Policy)
	f.text(d.Kind.String())
	f.number(int64(d.Article))
	f.number(int64(d.Months))
	f.text(d.Channel.String())
	f.number(int64(d.FeeDue))
	f.number(int64(d.FeePaid))
	f.number(int64(d.OldExpiry))
	f.number(int64(d.NewExpiry))
	for _, t := range [...]time.Time{d.SubmittedAt, d.ReceivedAt, d.DecidedAt} {
		f.number(t.UnixMicro())
	}
	return f.sum()
}

// place is the fingerprint of where a decision lies on its topic, and since when. The
// topic keeps milliseconds, ClickHouse microseconds.
func (f *fingerprinter) place(offset int64, partition int, logOffset, publishedMillis int64) int64 {
	f.buf = strconv.AppendInt(f.buf[:0], offset, 10)
	f.number(int64(partition))
	f.number(logOffset)
	f.number(publishedMillis * time.Millisecond.Microseconds())
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
