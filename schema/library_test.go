package schema

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// libraryReader reads the messages as [cursor] does, but by jsontext (which is
// encoding/json/jsontext from Go 1.27 on). It takes the library's fastest way: one
// decoder for all messages, which reads the message's bytes in place, raw values instead
// of tokens, and no table of the names that came, because a bit for each name is needed
// anyway to find a missing one.
//
// Only the embedded cursor's bookkeeping is used, none of its scanning. What jsontext
// cannot do:
//   - read 24e1 as an integer, or bound what 1e999999999 costs: numbers that strconv does
//     not read are left to the cursor;
//   - tell a broken escape from half a surrogate pair, or say at which field the grammar
//     broke, but in the text of an error that it does not keep stable: see [sameRefusal].
type libraryReader struct {
	cursor
	decoder jsontext.Decoder
	source  bytes.Buffer
}

// begin begins a message, as [newCursor].
func (r *libraryReader) begin(data []byte) {
	r.cursor = cursor{}
	if len(data) > MaxMessageBytes {
		r.fail(RuleOversize, "too large")
	}
	r.source = *bytes.NewBuffer(data)
	r.decoder.Reset(&r.source, jsontext.AllowDuplicateNames(true))
}

// end says what is wrong with a message, its end included.
func (r *libraryReader) end(data []byte) error {
	if r.err == nil {
		if _, err := r.decoder.ReadToken(); !errors.Is(err, io.EOF) {
			r.fail(RuleTrailingBytes, "bytes after the end of the object")
		}
	}
	switch {
	case r.err == nil:
		return nil
	case r.err.Rule != RuleOversize && !utf8.Valid(data):
		return &Error{Rule: RuleBadUTF8, Detail: "bytes that are not UTF-8"}
	}
	return r.err
}

// wrongType fails, because the next value has not the shape that belongs here.
func (r *libraryReader) wrongType() {
	if r.err != nil {
		return
	}
	switch r.decoder.PeekKind() {
	case 't', 'f', 'n':
		if _, err := r.decoder.ReadToken(); err == nil {
			r.fail(RuleWrongType, "a literal")
		}
	case '{', '[', '"', '0':
		r.fail(RuleWrongType, "another type")
	}
	r.fail(RuleNotJSON, "no JSON value")
}

// broken fails for an error of the library.
func (r *libraryReader) broken() { r.fail(RuleNotJSON, "broken grammar") }

// want says whether the next value is of a kind.
func (r *libraryReader) want(kind jsontext.Kind) bool {
	if r.err == nil && r.decoder.PeekKind() == kind {
		return true
	}
	r.wrongType()
	return false
}

func (r *libraryReader) object(m *members) object {
	if r.want('{') {
		_, _ = r.decoder.ReadToken() // it was seen
	}
	return object{members: m, at: -1}
}

func (r *libraryReader) member(o *object) bool {
	if r.err != nil {
		r.err.within(o.name())
		return false
	}
	switch r.decoder.PeekKind() {
	case '}':
		_, _ = r.decoder.ReadToken()
		r.complete(o)
		return false
	case '"':
	default:
		r.broken()
		return false
	}
	raw, err := r.decoder.ReadValue()
	if err != nil {
		r.brokenString()
		return false
	}
	at := o.at + 1
	if at < len(o.names) && o.seen&(1<<at) == 0 && string(raw) == strings.TrimSuffix(o.spelled[at], ":") {
		o.at, o.seen = at, o.seen|1<<at
		return true
	}
	name := unquote(raw) // before the decoder is asked again
	if unread := bytes.TrimLeft(r.decoder.UnreadBuffer(), " \t\r\n"); len(unread) == 0 || unread[0] != ':' {
		r.broken()
	}
	if r.err == nil && o.open && indexOf(o.names, name) < 0 {
		return r.passOver(o, name) && r.member(o)
	}
	return r.locate(o, name)
}

// passOver reads a field that the contract does not name. The decoder lets names pass that
// come twice, so the value is read once more.
func (r *libraryReader) passOver(o *object, name string) bool {
	if slices.Contains(o.passed, name) {
		r.fail(RuleDuplicateField, "given twice")
	}
	o.passed = append(o.passed, name)
	raw, err := r.decoder.ReadValue()
	if err != nil {
		raw = bytes.TrimLeft(r.decoder.UnreadBuffer(), ": \t\r\n")
	}
	if _, err := skipValue(string(raw)); err != nil && r.err == nil {
		rule, _ := skipFault(string(raw), err)
		r.fail(rule, "not passed over")
	}
	if r.err != nil {
		r.err.within(printable(name))
	}
	return r.err == nil
}

// text reads a string. Without escapes it is a slice of the message.
func (r *libraryReader) text() string {
	if !r.want('"') {
		return ""
	}
	raw, err := r.decoder.ReadValue()
	if err != nil {
		r.brokenString()
		return ""
	}
	return unquote(raw)
}

// unquote returns what a valid string says.
func unquote(raw jsontext.Value) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return unsafe.String(&raw[1], len(raw)-2)
	}
	text, _ := jsontext.AppendUnquote(nil, raw)
	return string(text)
}

// brokenString finds out what is wrong with a string: its grammar, if it stays broken
// where surrogates need no partner.
func (r *libraryReader) brokenString() {
	unread := bytes.TrimLeft(r.decoder.UnreadBuffer(), " \t\r\n:,")
	again := jsontext.NewDecoder(bytes.NewReader(unread), jsontext.AllowInvalidUTF8(true))
	if _, err := again.ReadToken(); err != nil {
		r.broken()
		return
	}
	r.fail(RuleBadUTF8, "half a surrogate pair")
}

func (r *libraryReader) integer(low, high int64) int64 {
	if !r.want('0') {
		return 0
	}
	raw, err := r.decoder.ReadValue()
	if err != nil {
		r.broken()
		return 0
	}
	n, err := strconv.ParseInt(unsafe.String(&raw[0], len(raw)), 10, 64)
	if err == nil && n >= low && n <= high {
		return n
	}
	unread := r.decoder.UnreadBuffer()
	if len(unread) > 0 && !endsNumber(unread[0]) {
		r.broken()
		return 0
	}
	rare := cursor{s: string(raw)}
	n = rare.integer(low, high)
	r.err = rare.err
	return n
}

func (r *libraryReader) null() bool {
	if r.err != nil || r.decoder.PeekKind() != 'n' {
		return false
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		r.broken()
	}
	return true
}

// element moves to the next element of an array that was begun.
func (r *libraryReader) element(a *array) bool {
	if r.err != nil {
		if a.at >= 0 {
			r.err.within("[" + strconv.Itoa(a.at) + "]")
		}
		return false
	}
	switch r.decoder.PeekKind() {
	case ']':
		_, _ = r.decoder.ReadToken()
		return false
	case 0:
		r.broken()
		return false
	}
	a.at++
	return true
}

func (r *libraryReader) code(p *pattern) string { return r.matching(r.text(), p) }

func (r *libraryReader) sentence(least, most int) string {
	s := r.text()
	switch n := utf8.RuneCountInString(s); {
	case n < least:
		r.fail(RuleBadFormat, "not a text")
	case n > most:
		r.fail(RuleTooLong, "too long")
	}
	return s
}

func (r *libraryReader) boolean() bool {
	if r.err != nil {
		return false
	}
	switch kind := r.decoder.PeekKind(); kind {
	case 't', 'f':
		if _, err := r.decoder.ReadToken(); err != nil {
			r.broken()
		}
		return kind == 't'
	}
	r.wrongType()
	return false
}

func libraryNamed[E ~string](r *libraryReader, parse func(string) (E, bool)) E {
	e, ok := parse(r.text())
	if !ok {
		r.fail(RuleNotInSet, "no member of the set")
	}
	return e
}

func libraryOpen[E ~string](r *libraryReader, parse func(string) (E, bool)) E {
	s := r.text()
	if e, ok := parse(s); ok {
		return e
	}
	return E(r.matching(s, namePattern))
}

func (r *libraryReader) uuid() uuid.UUID {
	s := r.text()
	id, err := uuid.Parse(s)
	if err != nil || len(s) != len("00000000-0000-0000-0000-000000000000") {
		r.fail(RuleBadFormat, "not a UUID")
	}
	return id
}

func (r *libraryReader) civilID() CivilID {
	id, ok := parseCivilID(r.text())
	if !ok {
		r.fail(RuleBadFormat, "not twelve digits")
	}
	return id
}

func (r *libraryReader) sponsorID() SponsorID {
	id, err := ParseSponsorID(r.text())
	if err != nil {
		r.fail(RuleBadFormat, "not nine digits")
	}
	return id
}

func (r *libraryReader) date() Date {
	d, ok := parseDate(r.text())
	switch {
	case !ok:
		r.fail(RuleBadFormat, "not a date")
	case d < MinDate || d > MaxDate:
		r.fail(RuleOutOfRange, "outside its range")
	}
	return d
}

func (r *libraryReader) dateTime() time.Time {
	t, rule := parseDateTime(r.text())
	if rule != "" {
		r.fail(rule, "not a date-time")
	}
	return t
}

func (r *libraryReader) application() (a Application) {
	o := r.object(&applicationMembers)
	for r.member(&o) {
		switch o.name() {
		case "application_id":
			a.ID = r.uuid()
		case "kind":
			a.Kind = libraryNamed(r, ParseKind)
		case "civil_id":
			a.CivilID = r.civilID()
		case "article":
			a.Article = Article(r.integer(1, MaxArticle))
		case "sponsor_id":
			a.SponsorID = r.sponsorID()
		case "months":
			a.Months = int(r.integer(1, maxMonths))
		case "passport":
			a.Passport = r.passport()
		case "submitted_by":
			a.SubmittedBy = r.code(submittedByPattern)
		case "submitted_at":
			a.SubmittedAt = r.dateTime()
		case "fee":
			a.Fee = r.fee()
		case "insurance":
			a.Insurance = r.insurance()
		}
	}
	return a
}

func (r *libraryReader) passport() (p Passport) {
	o := r.object(&passportMembers)
	for r.member(&o) {
		switch o.name() {
		case "number":
			p.Number = r.code(passportNumberPattern)
		case "country":
			p.Country = r.code(countryPattern)
		case "expires_on":
			p.ExpiresOn = r.date()
		}
	}
	return p
}

func (r *libraryReader) fee() (p Payment) {
	o := r.object(&feeMembers)
	for r.member(&o) {
		switch o.name() {
		case "receipt":
			p.Receipt = r.code(receiptPattern)
		case "amount_fils":
			p.Amount = Fils(r.integer(0, int64(MaxFils)))
		case "paid_at":
			p.PaidAt = r.dateTime()
		}
	}
	return p
}

func (r *libraryReader) insurance() (i Insurance) {
	o := r.object(&insuranceMembers)
	for r.member(&o) {
		switch o.name() {
		case "policy":
			i.Policy = r.code(insurancePattern)
		case "from":
			i.From = r.date()
		case "to":
			i.To = r.date()
		}
	}
	return i
}

func (r *libraryReader) decision() (d Decision) {
	o := r.object(&decisionMembers)
	for r.member(&o) {
		switch o.name() {
		case "application_id":
			d.ApplicationID = r.uuid()
		case "disposition":
			d.Disposition = libraryOpen(r, ParseDisposition)
		case "outcome":
			d.Outcome = libraryOpen(r, ParseOutcome)
		case "reasons":
			d.Reasons, d.LaterReasons = r.reasons()
		case "policy":
			d.Policy = r.code(policyPattern)
		case "cause":
			d.Cause = r.cause()
		case "revision":
			d.Revision = int(r.integer(1, maxRevision))
		case "simulation":
			d.Simulation = r.boolean()
		default:
			r.decisionFacts(&d, o.name())
		}
	}
	return d
}

func (r *libraryReader) decisionFacts(d *Decision, name string) {
	switch name {
	case "kind":
		d.Kind = libraryOpen(r, ParseKind)
	case "article":
		d.Article = Article(r.integer(0, MaxArticle))
	case "sponsor_id":
		d.SponsorID = r.sponsorID()
	case "months":
		d.Months = int(r.integer(0, maxMonths))
	case "fee_due_fils":
		d.FeeDue = Fils(r.integer(0, int64(MaxFils)))
	case "fine_due_fils":
		d.FineDue = Fils(r.integer(0, int64(MaxFils)))
	case "fee_paid_fils":
		d.FeePaid = Fils(r.integer(0, int64(MaxFils)))
	case "old_expiry":
		d.OldExpiry = r.expiry()
	case "new_expiry":
		d.NewExpiry = r.expiry()
	case "submitted_at":
		d.SubmittedAt = r.dateTime()
	case "received_at":
		d.ReceivedAt = r.dateTime()
	case "decided_at":
		d.DecidedAt = r.dateTime()
	}
}

func (r *libraryReader) reasons() (set Reasons, later []string) {
	a := array{at: -1}
	if r.want('[') {
		_, _ = r.decoder.ReadToken()
	}
	for r.element(&a) {
		known, code := r.reason()
		switch {
		case r.err != nil:
		case known != 0:
			set.Add(known)
		case !slices.Contains(later, code):
			later = append(later, code)
		}
	}
	return set, later
}

func (r *libraryReader) reason() (known Reason, later string) {
	o := r.object(&reasonMembers)
	for r.member(&o) {
		switch o.name() {
		case "code":
			known, later = r.reasonCode()
		case "en", "ar":
			r.sentence(1, maxReasonText)
		}
	}
	return known, later
}

func (r *libraryReader) reasonCode() (known Reason, later string) {
	s := r.text()
	if known, ok := ParseReason(s); ok {
		return known, ""
	}
	return 0, r.matching(s, namePattern)
}

func (r *libraryReader) cause() (p Position) {
	o := r.object(&causeMembers)
	for r.member(&o) {
		switch o.name() {
		case "topic":
			p.Topic = r.code(topicPattern)
		case "partition":
			p.Partition = int(r.integer(0, maxPartition))
		case "offset":
			p.Offset = r.integer(0, maxOffset)
		}
	}
	return p
}

func (r *libraryReader) expiry() Date {
	if r.null() {
		return 0
	}
	d := r.date()
	if r.err == nil && d == 0 {
		r.fail(RuleOutOfRange, "1970-01-01, which is no expiry here")
	}
	return d
}

func (r *libraryReader) unreadable() (u Unreadable) {
	o := r.object(&unreadableMembers)
	for r.member(&o) {
		switch o.name() {
		case "rule":
			u.Rule = libraryOpen(r, parseRule)
		case "field":
			u.Field = strings.Clone(r.sentence(0, maxFieldPath))
		case "found":
			u.Found = strings.Clone(r.sentence(0, maxFound))
		case "received_at":
			u.ReceivedAt = r.dateTime()
		case "cause":
			u.Cause = r.cause()
		case "revision":
			u.Revision = int(r.integer(1, maxRevision))
		case "simulation":
			u.Simulation = r.boolean()
		}
	}
	return u
}

func (r *libraryReader) decodeApplication(data []byte) (Application, error) {
	r.begin(data)
	a := r.application()
	if err := r.end(data); err != nil {
		return Application{}, err
	}
	return a, nil
}

func (r *libraryReader) decodeDecision(data []byte) (Decision, error) {
	r.begin(data)
	d := r.decision()
	r.checkOutcome(&d)
	if err := r.end(data); err != nil {
		return Decision{}, err
	}
	return d, nil
}

func (r *libraryReader) decodeUnreadable(data []byte) (Unreadable, error) {
	r.begin(data)
	u := r.unreadable()
	if err := r.end(data); err != nil {
		return Unreadable{}, err
	}
	return u, nil
}

// Both decoders give the same answer to every golden message and to mutated ones, so
// that the benchmarks compare like with like.
func TestLibraryReadsAsWeDo(t *testing.T) {
	t.Parallel()
	var r libraryReader
	for _, m := range messages {
		for _, folder := range append(m.good(), "rejected") {
			for name, data := range goldenFiles(t, m.name, folder) {
				compareDecoders(t, &r, m.name+" "+name, data)
			}
		}
		mutations := newMutations(t, m, 2249)
		for range 500 {
			compareDecoders(t, &r, m.name, mutations.next())
		}
	}
}

// compareDecoders reads data by both, as each type of message.
func compareDecoders(t *testing.T, r *libraryReader, name string, data []byte) {
	t.Helper()
	compare(t, name+" as an application", data, DecodeApplication, r.decodeApplication)
	compare(t, name+" as a decision", data, DecodeDecision, r.decodeDecision)
	compare(t, name+" as a notice", data, DecodeUnreadable, r.decodeUnreadable)
}

func compare[M any](t *testing.T, name string, data []byte, own, library func([]byte) (M, error)) {
	t.Helper()
	a, ownErr := own(data)
	b, libraryErr := library(data)
	if !reflect.DeepEqual(a, b) || !sameRefusal(ownErr, libraryErr) {
		t.Errorf("%s: %+v, %v, by the library %+v, %v\n%s", name, a, ownErr, b, libraryErr, data)
	}
}

// sameRefusal says whether two decoders refuse for the same rule and field, or both do
// not. Where the grammar broke jsontext knows the place in bytes and may name the field
// before or behind: for five golden messages it does.
func sameRefusal(own, library error) bool {
	if own == nil || library == nil {
		return own == nil && library == nil
	}
	a, ok1 := errors.AsType[*Error](own)
	b, ok2 := errors.AsType[*Error](library)
	return ok1 && ok2 && a.Rule == b.Rule && (a.Field == b.Field || a.Rule == RuleNotJSON)
}
