package schema

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// with returns the headers of an application with one changed, taken out (value
// "-") or added.
func with(name, value string) []Header {
	list := headers(TypeApplicationSubmitted)
	for i := range list {
		switch {
		case list[i].Key != name:
		case value == "-":
			return append(list[:i], list[i+1:]...)
		default:
			list[i].Value = []byte(value)
			return list
		}
	}
	return append(list, Header{name, []byte(value)})
}

func TestReadRefusesBadHeadersAndKeys(t *testing.T) {
	const good = "291030104196"
	twice := append(headers(TypeApplicationSubmitted), Header{HeaderID, []byte("e-2")})
	for name, c := range map[string]struct {
		key     string
		headers []Header
		field   string
		rule    Rule
	}{
		"no headers":                {good, nil, HeaderSpecVersion, RuleMissingField},
		"no id":                     {good, with(HeaderID, "-"), HeaderID, RuleMissingField},
		"empty source":              {good, with(HeaderSource, ""), HeaderSource, RuleMissingField},
		"id twice":                  {good, twice, HeaderID, RuleDuplicateField},
		"long id":                   {good, with(HeaderID, strings.Repeat("x", 257)), HeaderID, RuleTooLong},
		"long id in Arabic":         {good, with(HeaderID, strings.Repeat("ط", 257)), HeaderID, RuleTooLong},
		"time with a second 60":     {good, with(HeaderTime, "2016-12-31T23:59:60Z"), HeaderTime, RuleBadFormat},
		"a notice":                  {good, with(HeaderType, TypeUnreadable), HeaderType, RuleUnknownType},
		"id not UTF-8":              {good, with(HeaderID, "\xff"), HeaderID, RuleBadUTF8},
		"CloudEvents 0.3":           {good, with(HeaderSpecVersion, "0.3"), HeaderSpecVersion, RuleNotInSet},
		"structured mode":           {good, with(HeaderContentType, "application/cloudevents+json"), HeaderContentType, RuleNotInSet},
		"content type with a tail":  {good, with(HeaderContentType, "application/jsonl"), HeaderContentType, RuleNotInSet},
		"content type in long s":    {good, with(HeaderContentType, "application/j\u017fon"), HeaderContentType, RuleNotInSet},
		"time without an offset":    {good, with(HeaderTime, "2026-01-31T09:30:00"), HeaderTime, RuleBadFormat},
		"time of another age":       {good, with(HeaderTime, "2226-01-31T09:30:00Z"), HeaderTime, RuleOutOfRange},
		"a decision":                {good, with(HeaderType, TypeDecision), HeaderType, RuleUnknownType},
		"another version":           {good, with(HeaderType, "tajdeed.application.submitted.v2"), HeaderType, RuleUnknownType},
		"another resident's key":    {"304022600325", headers(TypeApplicationSubmitted), "key", RuleKeyMismatch},
		"no key":                    {"", headers(TypeApplicationSubmitted), "key", RuleKeyMismatch},
		"key with leading zeros":    {"0" + good, headers(TypeApplicationSubmitted), "key", RuleKeyMismatch},
		"key of thirteen and a NUL": {good + "\x00", headers(TypeApplicationSubmitted), "key", RuleKeyMismatch},
	} {
		_, err := ReadApplication([]byte(c.key), []byte(applicationJSON), c.headers)
		var e *Error
		if !errors.As(err, &e) || e.Field != c.field || e.Rule != c.rule {
			t.Errorf("%s: %v, want %s: %s", name, err, c.field, c.rule)
		}
	}
}

func TestReadAcceptsHeadersAsClientsSendThem(t *testing.T) {
	for name, list := range map[string][]Header{
		"longest id":      with(HeaderID, strings.Repeat("😀", 256)),
		"charset":         with(HeaderContentType, "application/json; charset=utf-8"),
		"capitals":        with(HeaderContentType, "Application/JSON"),
		"space":           with(HeaderContentType, "application/json ;charset=utf-8"),
		"any parameter":   with(HeaderContentType, "application/json;\n"),
		"no parameter":    with(HeaderContentType, "application/json;"),
		"time":            with(HeaderTime, "2026-01-31T09:30:00.5+03:00"),
		"extension":       with("ce_partitionkey", "x"),
		"tracing":         with("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		"foreign capital": with("CE_ID", ""),
	} {
		if _, err := ReadApplication([]byte("291030104196"), []byte(applicationJSON), list); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadAnswerRefusesAKeyThatIsNoCivilID(t *testing.T) {
	for _, key := range []string{"", "29103010419", "29103010419x", "2910301041960"} {
		_, err := ReadAnswer([]byte(key), []byte(decisionJSON), headers(TypeDecision))
		var e *Error
		if !errors.As(err, &e) || e.Field != "key" || e.Rule != RuleBadFormat || strings.Contains(err.Error(), "29103") {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestEnvelopeIsReadAsItIsWritten(t *testing.T) {
	for _, e := range []Envelope{
		{ID: "e-1", Type: TypeDecision, Source: "/tajdeed/renewals", Time: time.Date(2026, 1, 31, 6, 30, 0, 402118, time.UTC)},
		{ID: "طلب", Type: TypeApplicationSubmitted, Source: "urn:x"},
	} {
		checkEnvelopeRoundTrip(t, e)
	}
}

// A worker reads thousands of messages a second: each allocates only the strings that are
// kept.
func TestReadingAllocatesItsStringsOnly(t *testing.T) {
	key, value, list := []byte("291030104196"), []byte(applicationJSON), headers(TypeApplicationSubmitted)
	if n := testing.AllocsPerRun(100, func() { _, _ = ReadApplication(key, value, list) }); n != 5 {
		t.Errorf("ReadApplication allocates %v times", n)
	}
	decided, list := []byte(decisionJSON), headers(TypeDecision)
	if n := testing.AllocsPerRun(100, func() { _, _ = ReadAnswer(key, decided, list) }); n != 2 {
		t.Errorf("ReadAnswer allocates %v times", n)
	}
}

// Writing checks nothing, so it must write JSON whatever bytes a string has.
func TestWritingEscapes(t *testing.T) {
	a := application()
	a.SubmittedBy = "a\"b\\c\n\x00\x1fد\xff😀"
	var c cursor
	c.s = string(appendString(nil, a.SubmittedBy))
	if got := c.text(); c.err != nil || got != "a\"b\\c\n\x00\x1fد\ufffd😀" {
		t.Errorf("%q, %v", got, c.err)
	}
}
