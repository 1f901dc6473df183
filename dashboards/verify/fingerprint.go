package verify

import (
	"crypto/md5" //nolint:gosec // a checksum that all three stores can make, no secret
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"tajdeed/schema"
)

// fingerprinter makes the same fingerprints as Postgres by decisions.sql, and ClickHouse by
// its view decision_fingerprint and by unreadable_ranges.sql. It is for
// one goroutine.
type fingerprinter struct{ buf []byte }

// decision is the fingerprint of a decision.
func (f *fingerprinter) decision(d *schema.Decision) int64 {
	f.begin(d.Cause.Offset)
	f.text(d.ApplicationID.String())
	f.text(d.Disposition.String())
	f.text(d.Outcome.String())
	f.list(d.ReasonCodes())
	f.text(d.Policy)
	f.text(d.Kind.String())
	f.number(int64(d.Article))
	f.number(int64(d.Months))
	f.number(int64(d.FeeDue))
	f.number(int64(d.FineDue))
	f.number(int64(d.FeePaid))
	f.number(int64(d.OldExpiry))
	f.number(int64(d.NewExpiry))
	for _, t := range [...]time.Time{d.SubmittedAt, d.ReceivedAt, d.DecidedAt} {
		f.number(t.UnixMicro())
	}
	return f.sum()
}

// notice is the fingerprint of all that a notice says.
func (f *fingerprinter) notice(u *schema.Unreadable) int64 {
	f.begin(u.Cause.Offset)
	f.text(u.Rule.String())
	f.text(u.Field)
	f.text(u.Found)
	f.number(u.ReceivedAt.UnixMicro())
	f.number(int64(u.Revision))
	f.text(strconv.FormatBool(u.Simulation))
	return f.sum()
}

// unreadable is the fingerprint of what ClickHouse has of a message that cannot be read.
func (f *fingerprinter) unreadable(u *schema.Unreadable) int64 {
	f.begin(u.Cause.Offset)
	f.text(u.Rule.String())
	f.number(u.ReceivedAt.UnixMicro())
	return f.sum()
}

// place is the fingerprint of where an answer lies on its topic, since when, and of the
// edition: what a row says besides that the record does not hold. The topic keeps
// milliseconds, ClickHouse microseconds.
func (f *fingerprinter) place(e *entry, log schema.TopicPartition, edition string) int64 {
	f.begin(e.offset)
	f.text(log.Topic)
	f.number(int64(log.Partition))
	f.number(e.logOffset)
	f.number(e.publishedAt * time.Millisecond.Microseconds())
	f.text(edition)
	return f.sum()
}

// persons is the fingerprint of the pseudonyms of the person and the sponsor that a
// decision is about.
func (f *fingerprinter) persons(offset int64, person, sponsor uint64) int64 {
	f.begin(offset)
	f.unsigned(person)
	f.unsigned(sponsor)
	return f.sum()
}

// quarantined is the fingerprint of a message in quarantine: why it cannot be read, when it
// was received, and the digest of its bytes.
func (f *fingerprinter) quarantined(offset int64, reason *schema.Error, receivedAt time.Time, digest string) int64 {
	f.begin(offset)
	f.text(reason.Rule.String())
	f.text(reason.Field)
	f.text(reason.Detail)
	f.number(receivedAt.UnixMicro())
	f.text(digest)
	return f.sum()
}

// digest is the digest of a message's bytes, as quarantined.sql makes it.
func digest(key, value []byte) string {
	return fmt.Sprintf("%x%x", md5.Sum(key), md5.Sum(value)) //nolint:gosec // see the import
}

func (f *fingerprinter) begin(offset int64) { f.buf = strconv.AppendInt(f.buf[:0], offset, 10) }

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
