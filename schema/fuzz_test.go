package schema

import (
	"bytes"
	"reflect"
	"regexp"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzDecodeApplication(f *testing.F) {
	m := messages[0]
	o := newOracle(f, m.published)
	addGolden(f, m)
	f.Fuzz(func(t *testing.T, data []byte) {
		m.agree(t, o, data)
		if a, err := DecodeApplication(data); err == nil {
			checkApplicationRoundTrip(t, &a)
		}
	})
}

func FuzzDecodeDecision(f *testing.F) {
	m := messages[1]
	o := newOracle(f, m.published)
	addGolden(f, m)
	f.Fuzz(func(t *testing.T, data []byte) {
		m.agree(t, o, data)
		if d, err := DecodeDecision(data); err == nil {
			checkDecisionRoundTrip(t, &d)
		}
	})
}

func FuzzDecodeUnreadable(f *testing.F) {
	m := messages[2]
	o := newOracle(f, m.published)
	addGolden(f, m)
	f.Fuzz(func(t *testing.T, data []byte) {
		m.agree(t, o, data)
		if u, err := DecodeUnreadable(data); err == nil {
			checkUnreadableRoundTrip(t, &u)
		}
	})
}

func addGolden(f *testing.F, m message) {
	for _, folder := range append(m.good(), "rejected") {
		for _, data := range goldenFiles(f, m.name, folder) {
			f.Add(data)
		}
	}
}

func checkApplicationRoundTrip(t *testing.T, a *Application) {
	t.Helper()
	again, err := DecodeApplication(a.AppendJSON(nil))
	if err != nil || again != *a || again.Digest() != a.Digest() {
		t.Errorf("written and read again: %+v, %v; was %+v", again, err, *a)
	}
}

// checkDecisionRoundTrip writes a decision and reads it. The reasons of a later edition are
// not written; where there are no others, the outcome would contradict their absence.
func checkDecisionRoundTrip(t *testing.T, d *Decision) {
	t.Helper()
	want := *d
	want.LaterReasons = nil
	for _, at := range []*time.Time{&want.SubmittedAt, &want.ReceivedAt, &want.DecidedAt} {
		*at = at.Truncate(time.Microsecond)
	}
	if len(d.LaterReasons) > 0 && want.Reasons == 0 {
		want.Reasons.Add(ReasonFeeMissing)
	}
	again, err := DecodeDecision(want.AppendJSON(nil))
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("written and read again: %+v, %v; was %+v", again, err, want)
	}
}

func checkUnreadableRoundTrip(t *testing.T, u *Unreadable) {
	t.Helper()
	want := *u
	want.ReceivedAt = want.ReceivedAt.Truncate(time.Microsecond)
	if again, err := DecodeUnreadable(want.AppendJSON(nil)); err != nil || again != want {
		t.Errorf("written and read again: %+v, %v; was %+v", again, err, want)
	}
}

// FuzzMutatedMessage reaches more of the decoders than random bytes do: its input is a
// series of changes to the tokens of a valid message.
func FuzzMutatedMessage(f *testing.F) {
	var oracles []oracle
	for _, m := range messages {
		oracles = append(oracles, newOracle(f, m.published))
	}
	f.Add(uint8(0), []byte{0, 5, 0})
	f.Add(uint8(1), []byte{2, 40, 17, 3, 9, 1})
	f.Add(uint8(2), []byte{2, 4, 17})
	f.Fuzz(func(t *testing.T, which uint8, changes []byte) {
		i := int(which) % len(messages)
		data := mutate(messages[i].valid, changes)
		messages[i].agree(t, oracles[i], data)
		compareDecoders(t, new(libraryReader), messages[i].name, data)
	})
}

// token matches a string, a number, a word or a mark of JSON.
var token = regexp.MustCompile(`"(\\.|[^"\\])*"|[-+.0-9eE]+|[a-z]+|\S`)

// replacements are tokens that a mutation puts in place of others.
var replacements = []string{
	"null", "true", "[]", "{}", `""`, "0", "-0", "-1", "1.0", "1.5", "1e1", "0.1E+2", "1e-1", "1e400", "1e-99999999",
	"9007199254740991", "9007199254740992", "18446744073709551617", "100000000", "100000001", "181", "99", "100",
	`"1970-01-01"`, `"1900-01-01"`, `"2199-12-31"`, `"2200-01-01"`, `"2026-02-29"`, `"2028-02-29"`,
	`"2026-01-31T23:59:60Z"`, `"2026-01-31T24:00:00Z"`, `"1900-01-01T00:00:00+00:01"`, `"1900-01-01T00:00:00-00:01"`,
	`"2199-12-31T23:59:59-00:01"`, `"2199-12-31T23:59:59.999999999+00:01"`, `"2026-01-31T09:30:00.1234567891Z"`,
	`"approved"`, `"rejected"`, `"fee_missing"`, `"insurance_short"`, `"conflict"`, `"pending"`, `"\u0072enewal"`,
	`"civil_id"`, `"civil\u005fid"`, `"number"`, `"2910301041\u00396"`, `"\ud800"`, `"\ud83d\ude00"`, "\"\xff\"", "\"\x01\"",
	`{"code":"months_over_limit","en":"x","ar":"س"},`, `"en":"again",`, `"extra":1,`, `[[[[[[[[`, ",", ":", "}", "]", "\ufeff", "\x00", "\f",
}

// mutate makes a change to the tokens of a message for every three bytes: what,
// where, with what.
func mutate(valid string, changes []byte) []byte {
	tokens := token.FindAllString(valid, -1)
	for ; len(changes) >= 3; changes = changes[3:] {
		at, with := int(changes[1])%len(tokens), int(changes[2])
		switch changes[0] % 6 {
		case 0:
			tokens[at] = ""
		case 1:
			tokens[at] += "," + tokens[at]
		case 2, 3:
			tokens[at] = replacements[with%len(replacements)]
		case 4:
			tokens[at], tokens[with%len(tokens)] = tokens[with%len(tokens)], tokens[at]
		case 5:
			tokens[at] = changeByte(tokens[at], with)
		}
	}
	var data []byte
	for _, word := range tokens {
		data = append(data, word...)
	}
	return data
}

// changeByte puts another character somewhere into a token.
func changeByte(word string, with int) string {
	const characters = "0129-+.eEZTz:\\\"uaA _\x00\x7f\xc3\n/@"
	if word == "" {
		return word
	}
	changed := []byte(word)
	changed[with%len(changed)] = characters[with%len(characters)]
	return string(changed)
}

func FuzzReadEnvelope(f *testing.F) {
	f.Add("1.0", "e-1", TypeDecision, "/channels/counter", "application/json", "2026-01-31T06:30:00Z", uint8(0))
	f.Add("1.0", "e-1", TypeDecision, "urn:x", "Application/JSON; charset=utf-8", "", uint8(0x40))
	f.Add("0.3", "", "t", "s", "application/cloudevents+json", "yesterday", uint8(0x23))
	f.Fuzz(func(t *testing.T, spec, id, kind, source, content, at string, flags uint8) {
		fields := [attributeCount]string{spec, id, kind, source, content, at}
		got, err := ReadEnvelope(envelopeHeaders(fields, flags))
		if want := envelopeIsGood(fields, flags); (err == nil) != want {
			t.Fatalf("%q, flags %#x: error %v, good %t", fields, flags, err, want)
		}
		if err == nil {
			checkEnvelopeRoundTrip(t, got)
		}
	})
}

// envelopeHeaders writes the headers; the flags leave one out (bits 0 to 2), give
// one twice (3 to 5) and put unknown headers between them (6).
func envelopeHeaders(fields [attributeCount]string, flags uint8) []Header {
	var list []Header
	for i, name := range attributeNames {
		header := Header{name, []byte(fields[i])}
		if flags&0x40 != 0 {
			list = append(list, Header{"traceparent", []byte{0xff}}, Header{"CE_ID", nil})
		}
		if int(flags&7) != i+1 {
			list = append(list, header)
		}
		if int(flags>>3&7) == i+1 {
			list = append(list, header)
		}
	}
	return list
}

var (
	jsonContent = regexp.MustCompile(`^[Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]/[Jj][Ss][Oo][Nn][ \t]*(;|$)`)
	rfc3339     = regexp.MustCompile(`^(19|20|21)\d\d-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	yearLeft    = regexp.MustCompile(`^(1900-01-01T.*\+|2199-12-31T.*-)`)
)

// envelopeIsGood says by other means whether the headers can be read.
func envelopeIsGood(fields [attributeCount]string, flags uint8) bool {
	for i, value := range fields {
		left, twice := int(flags&7) == i+1, int(flags>>3&7) == i+1
		switch {
		case left && twice:
			// left out in one place and written in the other: there once
		case twice, left && i != attributeTime:
			return false
		case left:
			continue
		}
		if value == "" || utf8.RuneCountInString(value) > 256 || !utf8.ValidString(value) {
			return false
		}
	}
	if int(flags&7) == attributeTime+1 && int(flags>>3&7) != attributeTime+1 {
		return fields[attributeSpecVersion] == "1.0" && jsonContent.MatchString(fields[attributeContentType])
	}
	at := fields[attributeTime]
	_, err := time.Parse(time.RFC3339, at)
	return err == nil && rfc3339.MatchString(at) && !yearLeft.MatchString(at) &&
		fields[attributeSpecVersion] == "1.0" && jsonContent.MatchString(fields[attributeContentType])
}

func checkEnvelopeRoundTrip(t *testing.T, e Envelope) {
	t.Helper()
	again, err := ReadEnvelope(e.Headers())
	if err != nil || again != e {
		t.Errorf("written and read again: %+v, %v; was %+v", again, err, e)
	}
}

func FuzzDateTime(f *testing.F) {
	for _, seed := range []string{"2026-01-31T09:30:00+03:00", "1969-12-31T23:59:59.5Z", "2016-12-31T23:59:60Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, rule := parseDateTime(s)
		want, err := time.Parse(time.RFC3339, s)
		good := err == nil && rfc3339.MatchString(s) && !yearLeft.MatchString(s)
		if (rule == "") != good || good && !got.Equal(want) {
			t.Errorf("%q: %v (%v), want %v (%v)", s, got, rule, want, err)
		}
		if back, _ := parseDateTime(string(appendDateTime(nil, got))); rule == "" && !bytes.Equal(appendDateTime(nil, back), appendDateTime(nil, got)) {
			t.Errorf("%q: written and read again %v", s, back)
		}
	})
}
