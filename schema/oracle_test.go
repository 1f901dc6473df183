package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// oracle decides by other means than the decoders whether data is a message: its size,
// then I-JSON by jsontext (strict UTF-8, no name twice, nothing after the end), then the
// published schema by a validator that asserts formats. The decoders use jsontext too,
// but only to unquote a string that has escapes and to check the spelling of a number.
type oracle struct{ schema *jsonschema.Schema }

func newOracle(tb testing.TB, published []byte) oracle {
	tb.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		tb.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", doc); err != nil {
		tb.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return oracle{compiled}
}

// refusal says why data is no message, nil if it is one.
func (o oracle) refusal(data []byte) error {
	switch {
	case len(data) > MaxMessageBytes:
		return errors.New("too large")
	case !jsontext.Value(data).IsValid():
		return errors.New("not I-JSON")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return o.schema.Validate(boundNumbers(value))
}

// hugeExponent is an exponent that the digits of a message of MaxMessageBytes
// cannot make up for.
const hugeExponent = 20_000

// boundNumbers replaces numbers with a huge exponent by such with a large one.
// The validator computes numbers in full, and 1e999999999 is a gigabyte of
// digits. The stand-ins fail or pass the same keywords: above every maximum,
// below every minimum, or no integer.
func boundNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		return boundNumber(v)
	case []any:
		for i := range v {
			v[i] = boundNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = boundNumbers(v[name])
		}
	}
	return value
}

func boundNumber(n json.Number) json.Number {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	if !strings.ContainsAny(mantissa, "123456789") {
		return "0"
	}
	if e, err := strconv.Atoi(exponent); exponent == "" || err == nil && e > -hugeExponent && e < hugeExponent {
		return n
	}
	sign := mantissa[:len(mantissa)-len(strings.TrimPrefix(mantissa, "-"))]
	if strings.HasPrefix(exponent, "-") {
		return json.Number(sign + "1e-400")
	}
	return json.Number(sign + "1e400")
}

// message is a type of message with its published schema and its decoder.
type message struct {
	name      string
	published []byte
	valid     string
	strict    bool // whether fields that it does not name are refused
	decode    func([]byte) error
}

var messages = []message{
	{"application", ApplicationSchema, applicationJSON, true, func(data []byte) error {
		_, err := DecodeApplication(data)
		return err
	}},
	{"decision", DecisionSchema, decisionJSON, false, func(data []byte) error {
		_, err := DecodeDecision(data)
		return err
	}},
	{"unreadable", UnreadableSchema, unreadableJSON, false, func(data []byte) error {
		_, err := DecodeUnreadable(data)
		return err
	}},
}

// agree fails where the decoder and the oracle differ, and says whether data is a message.
func (m message) agree(tb testing.TB, o oracle, data []byte) (accepted bool) {
	tb.Helper()
	decoded, refused := m.decode(data), o.refusal(data)
	if (decoded == nil) != (refused == nil) {
		tb.Errorf("%s\n  decoder: %v\n  schema: %v", data, decoded, refused)
	}
	return decoded == nil
}
