package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// TestAsyncAPIIsValid fails on errors and warnings. What the parser merely says
// for information (that 3.1.0 exists) does not count.
func TestAsyncAPIIsValid(t *testing.T) {
	for _, d := range readAsyncAPI(t).Diagnostics {
		if d.Severity <= 1 {
			t.Errorf("%s: %s (%s)", d.Path, d.Message, d.Code)
		}
	}
}

func TestAsyncAPIHasTheTopicsOfGo(t *testing.T) {
	topics, each := Topics{DefaultPrefix}, Channel("{channel}")
	channels := readAsyncAPI(t).Document.Channels
	for name, want := range map[string]string{
		"submissions": topics.Submissions(each), "decisions": topics.Decisions(each), "quarantine": topics.Quarantine(),
	} {
		channel := channels[name]
		if channel.Address != want || channel.Bindings.Kafka.Partitions != DefaultPartitions {
			t.Errorf("%s: %q with %d partitions", name, channel.Address, channel.Bindings.Kafka.Partitions)
		}
		if got := kafkaSettings(channel); !maps.Equal(got, topics.Settings(want)) {
			t.Errorf("%s: %v, in Go %v", name, got, topics.Settings(want))
		}
		checkChannelParameter(t, channel)
	}
	if len(channels) != len(topics.Of(each)) {
		t.Errorf("%d channels, %d topics", len(channels), len(topics.Of(each)))
	}
}

// checkChannelParameter compares the names that a channel can have with [ParseChannel].
func checkChannelParameter(t *testing.T, channel asyncChannel) {
	t.Helper()
	if !strings.Contains(channel.Address, "{channel}") {
		return
	}
	parameter := channel.Parameters["channel"]
	var examples []string
	for _, c := range DefaultChannels() {
		examples = append(examples, string(c))
	}
	if !slices.Equal(parameter.Examples, examples) || parameter.Pattern != "^[a-z][a-z0-9_]{1,31}$" {
		t.Errorf("%s: %+v", channel.Address, parameter)
	}
	form := regexp.MustCompile(parameter.Pattern)
	for _, name := range append(examples, "a", "ab", "a_", "_a", "1a", "A1", "a-b", "a.b", "a"+strings.Repeat("z", 31), "a"+strings.Repeat("z", 32)) {
		if _, err := ParseChannel(name); (err == nil) != form.MatchString(name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAsyncAPISaysWhoMayConnect(t *testing.T) {
	document := readAsyncAPI(t).Document
	server := document.Servers["production"]
	if server.Protocol != "kafka-secure" || len(server.Security) != 1 || server.Security[0].Type != "scramSha512" {
		t.Errorf("%+v", server)
	}
	for _, topic := range []string{"`tajdeed.submissions.<channel>`", "`tajdeed.decisions.<channel>`", "`tajdeed.quarantine`"} {
		if !strings.Contains(server.Description, topic) {
			t.Errorf("nothing is said of who may use %s", topic)
		}
	}
}

// kafkaSettings writes a channel's settings as the broker accepts them.
func kafkaSettings(channel asyncChannel) map[string]string {
	settings := map[string]string{}
	for name, value := range channel.Bindings.Kafka.TopicConfiguration {
		switch v := value.(type) {
		case []any:
			settings[name] = strings.Trim(fmt.Sprint(v), "[]")
		case float64:
			settings[name] = fmt.Sprintf("%.0f", v)
		default:
			settings[name] = fmt.Sprint(v)
		}
	}
	return settings
}

// The examples are those of the schemas, in whole messages.
func TestAsyncAPIExamplesAreMessages(t *testing.T) {
	found := readAsyncAPI(t).Document.Components.Messages
	for name, c := range map[string]struct {
		schema []byte
		read   func(key, value []byte, headers []Header) error
	}{
		"applicationSubmitted": {ApplicationSchema, func(_, value []byte, headers []Header) error {
			a, err := DecodeApplication(value)
			if err != nil {
				return err
			}
			_, err = ReadApplication(a.CivilID.Append(nil), value, headers)
			return err
		}},
		"decision":             {DecisionSchema, readAnswerOf(TypeDecision)},
		"submissionUnreadable": {UnreadableSchema, readAnswerOf(TypeUnreadable)},
	} {
		var payloads []json.RawMessage
		for _, example := range found[name].Examples {
			payloads = append(payloads, example.Payload)
			if err := c.read([]byte("291030104196"), example.Payload, asHeaders(example.Headers)); err != nil {
				t.Errorf("%s %s: %v", name, example.Name, err)
			}
		}
		if want := published(t, c.schema).Examples; !slices.EqualFunc(payloads, want, sameJSON) {
			t.Errorf("%s: the examples are not those of the schema", name)
		}
	}
	if got := len(found["quarantined"].Examples); got != 1 || len(found) != 4 {
		t.Errorf("%d messages, %d examples of a quarantined one", len(found), got)
	}
}

func readAnswerOf(kind string) func(key, value []byte, headers []Header) error {
	return func(key, value []byte, headers []Header) error {
		a, err := ReadAnswer(key, value, headers)
		if err == nil && a.Type != kind {
			return fmt.Errorf("an event %s", a.Type)
		}
		if cause := a.Cause(); err == nil && !slices.ContainsFunc(headers, func(h Header) bool {
			return h.Key == HeaderID && string(h.Value) == fmt.Sprintf("%s/%d/%d", cause.Topic, cause.Partition, cause.Offset)
		}) {
			return errors.New("its ce_id is not its cause")
		}
		return err
	}
}

func sameJSON(a, b json.RawMessage) bool {
	x, y := jsontext.Value(slices.Clone(a)), jsontext.Value(slices.Clone(b))
	return x.Canonicalize() == nil && y.Canonicalize() == nil && bytes.Equal(x, y)
}

func asHeaders(values map[string]string) []Header {
	var list []Header
	for name, value := range values {
		list = append(list, Header{name, []byte(value)})
	}
	return list
}

func TestAsyncAPIHasTheHeadersOfGo(t *testing.T) {
	found := readAsyncAPI(t).Document.Components.Messages
	event, quarantined := found["decision"].Headers.AllOf[0], found["quarantined"].Headers
	checkHeaders(t, event, attributeNames[:], attributeNames[:attributeTime])
	names := []string{
		HeaderOriginTopic, HeaderOriginPartition, HeaderOriginOffset, HeaderOriginTimestamp,
		HeaderQuarantineRule, HeaderQuarantineField, HeaderQuarantineDetail,
	}
	checkHeaders(t, quarantined.node, names, names)
	checkNames(t, HeaderQuarantineRule, quarantined.Properties[HeaderQuarantineRule].Enum, Rules())
	for name, want := range map[string]string{
		"applicationSubmitted": TypeApplicationSubmitted, "decision": TypeDecision, "submissionUnreadable": TypeUnreadable,
	} {
		if got := found[name].Headers.AllOf[1].Properties[HeaderType].Const; got != want {
			t.Errorf("%s: type %q, in Go %q", name, got, want)
		}
	}
}

// What the document says of headers is what is read: characters and not bytes, a content
// type's parameters, no second 60.
func TestAsyncAPIAndGoReadTheSameHeaders(t *testing.T) {
	headers, err := json.Marshal(readAsyncAPI(t).Document.Components.Schemas["eventHeaders"])
	if err != nil {
		t.Fatal(err)
	}
	o := newOracle(t, headers)
	for name, values := range map[string][]string{
		HeaderSpecVersion: {"1.0", "1", "0.3", "1.0 "},
		HeaderID:          {"x", strings.Repeat("ط", 256), strings.Repeat("ط", 257), strings.Repeat("😀", 256), strings.Repeat("x", 257)},
		HeaderSource:      {"/channels/counter", "%", "two words", "urn:x", strings.Repeat("x", 257)},
		HeaderTime: {
			"2026-01-31T09:30:00Z", "2026-01-31T09:30:00.123456789+03:00", "2026-01-31T09:30:00", "2026-01-31 09:30:00Z", "2026-01-31T09:30Z", "2026-02-30T09:30:00Z",
			"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", "2026-01-31t09:30:00z", "1900-01-01T00:00:00+03:00", "2199-12-31T00:00:00-03:00", "2200-01-01T00:00:00Z", "2026-01-31T09:30:00.1234567890Z",
		},
		HeaderContentType: {
			"application/json", "Application/JSON", "application/json;charset=utf-8", "application/json ; charset=latin1", "application/json;", "application/json;\n", "application/json \t;x",
			"application/json ", "application/jsonl", "application/json charset", "application/cloudevents+json", "text/json", "application/json\n;x", "application/json;" + strings.Repeat("x", 256),
		},
	} {
		for _, value := range values {
			list := with(name, value)
			event := map[string]string{}
			for _, h := range list {
				event[h.Key] = string(h.Value)
			}
			data, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			_, read := ReadEnvelope(list)
			if refused := o.refusal(data); (read == nil) != (refused == nil) {
				t.Errorf("%s %q: in Go %v, by the document %v", name, value, read, refused)
			}
		}
	}
}

func checkHeaders(t *testing.T, got node, all, required []string) {
	t.Helper()
	properties := slices.Sorted(maps.Keys(got.Properties))
	if want := slices.Sorted(slices.Values(all)); !slices.Equal(properties, want) {
		t.Errorf("headers %v, in Go %v", properties, want)
	}
	if want := slices.Sorted(slices.Values(required)); !slices.Equal(slices.Sorted(slices.Values(got.Required)), want) {
		t.Errorf("required %v, in Go %v", got.Required, want)
	}
}
