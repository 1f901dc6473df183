package simulate

import (
	"bytes"
	"slices"

	"tajdeed/schema"
)

// breach is a way to break the contract, and the rule that it breaks.
type breach struct {
	rule  schema.Rule
	apply func(*Message)
}

// breaches are the mistakes of channels that make messages unreadable.
var breaches = []breach{
	{schema.RuleNotJSON, func(m *Message) { m.Value = m.Value[:len(m.Value)/2] }},
	{schema.RuleNotJSON, func(m *Message) { m.Value = nil }},
	{schema.RuleTrailingBytes, func(m *Message) { m.Value = append(slices.Clone(m.Value), '}') }},
	{schema.RuleUnknownField, replace(`"kind":`, `"nationality":"IND","kind":`)},
	{schema.RuleUnknownField, replace(`"kind":`, `"channel":"counter","kind":`)}, // the topic says it
	{schema.RuleDuplicateField, replace(`"kind":"renewal",`, `"kind":"renewal","kind":"renewal",`)},
	{schema.RuleMissingField, replace(`"kind":"renewal",`, ``)},
	{schema.RuleWrongType, replace(`"sponsor_id":"`, `"sponsor_id":1,"ignored":"`)},
	{schema.RuleWrongType, replace(`"passport":{`, `"passport":null,"ignored":{`)},
	{schema.RuleNotInSet, replace(`"kind":"renewal"`, `"kind":"visit"`)},
	{schema.RuleBadFormat, replace(`"application_id":"`, `"application_id":"-`)},
	{schema.RuleBadUTF8, replace(`"submitted_by":"`, "\"submitted_by\":\"\xff\xfe")},
	{schema.RuleOversize, func(m *Message) {
		m.Value = append(bytes.Repeat([]byte{' '}, schema.MaxMessageBytes), m.Value...)
	}},
	{schema.RuleKeyMismatch, func(m *Message) { m.Key = []byte("anonymous") }},
	{schema.RuleMissingField, func(m *Message) { m.Headers = withoutHeader(m.Headers, schema.HeaderType) }},
	{schema.RuleMissingField, func(m *Message) { m.Headers = nil }},
	{schema.RuleUnknownType, func(m *Message) {
		m.Headers = append(withoutHeader(m.Headers, schema.HeaderType),
			schema.Header{Key: schema.HeaderType, Value: []byte("tajdeed.application.submitted.v0")})
	}},
}

// replace returns what breaks the contract by writing one text in place of another.
func replace(that, by string) func(*Message) {
	return func(m *Message) { m.Value = bytes.Replace(m.Value, []byte(that), []byte(by), 1) }
}

func withoutHeader(headers []schema.Header, key string) []schema.Header {
	return slices.DeleteFunc(slices.Clone(headers), func(h schema.Header) bool { return h.Key == key })
}
