package schema

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"
)

// The types of the events, as the header ce_type names them.
const (
	TypeApplicationSubmitted = "tajdeed.application.submitted.v1"
	TypeDecision             = "tajdeed.decision.v1"
	TypeUnreadable           = "tajdeed.submission.unreadable.v1"
)

// Header names of CloudEvents 1.0 in Kafka's binary mode (the CloudEvents Kafka
// protocol binding, section 3.2), and the content type of the data.
const (
	HeaderSpecVersion = "ce_specversion"
	HeaderID          = "ce_id"
	HeaderType        = "ce_type"
	HeaderSource      = "ce_source"
	HeaderTime        = "ce_time"
	HeaderContentType = "content-type"

	SpecVersion = "1.0"
	ContentType = "application/json"
)

// Header names that a quarantined message carries besides its own: which message it was
// and why it could not be read.
const (
	HeaderOriginTopic      = "tajdeed_origin_topic"
	HeaderOriginPartition  = "tajdeed_origin_partition"
	HeaderOriginOffset     = "tajdeed_origin_offset"
	HeaderOriginTimestamp  = "tajdeed_origin_timestamp"
	HeaderQuarantineRule   = "tajdeed_quarantine_rule"
	HeaderQuarantineField  = "tajdeed_quarantine_field"
	HeaderQuarantineDetail = "tajdeed_quarantine_detail"
)

// maxHeader bounds each header of the envelope, in characters as JSON Schema counts them.
const maxHeader = 256

// Position is the place of a message in Kafka. Every effect of a message carries it.
type Position struct {
	Topic     string
	Partition int
	Offset    int64
}

// TopicPartition returns the partition that the place is in.
func (p Position) TopicPartition() TopicPartition { return TopicPartition{p.Topic, p.Partition} }

// Header is a header of a Kafka message. It has the fields that Kafka clients give it,
// so that theirs converts to it.
type Header struct {
	Key   string
	Value []byte
}

// Envelope is what a CloudEvent says of itself besides its data.
type Envelope struct {
	ID     string
	Type   string
	Source string
	Time   time.Time // zero where the event states none
}

// ReadEnvelope reads a CloudEvent's attributes from a message's headers. Headers
// that it does not know (extensions, tracing) are ignored. Any error is an
// [*Error] whose field is the header's name.
func ReadEnvelope(headers []Header) (Envelope, error) {
	var raw attributes
	if err := raw.read(headers); err != nil {
		return Envelope{}, err
	}
	return Envelope{
		ID:     string(raw.value[attributeID]),
		Type:   string(raw.value[attributeType]),
		Source: string(raw.value[attributeSource]),
		Time:   raw.time,
	}, nil
}

// Headers writes the envelope as a message's headers, the content type with
// them.
func (e Envelope) Headers() []Header {
	headers := []Header{
		{HeaderSpecVersion, []byte(SpecVersion)},
		{HeaderID, []byte(e.ID)},
		{HeaderType, []byte(e.Type)},
		{HeaderSource, []byte(e.Source)},
		{HeaderContentType, []byte(ContentType)},
	}
	if !e.Time.IsZero() {
		headers = append(headers, Header{HeaderTime, appendDateTime(nil, e.Time)})
	}
	return headers
}

// The headers that an envelope is read from; the last is optional.
const (
	attributeSpecVersion = iota
	attributeID
	attributeType
	attributeSource
	attributeContentType
	attributeTime
	attributeCount
)

var attributeNames = [attributeCount]string{
	attributeSpecVersion: HeaderSpecVersion,
	attributeID:          HeaderID,
	attributeType:        HeaderType,
	attributeSource:      HeaderSource,
	attributeContentType: HeaderContentType,
	attributeTime:        HeaderTime,
}

// attributes are an envelope's headers as slices of the message, so that checking them
// allocates nothing.
type attributes struct {
	value [attributeCount][]byte
	seen  [attributeCount]bool
	time  time.Time
}

func (a *attributes) read(headers []Header) error {
	if err := a.collect(headers); err != nil {
		return err
	}
	return a.check()
}

func (a *attributes) collect(headers []Header) error {
	for i := range headers {
		if err := a.add(&headers[i]); err != nil {
			return err
		}
	}
	return nil
}

// add keeps a header if it is one of the envelope's. It returns error instead of *Error
// because a nil *Error in an error is not nil.
func (a *attributes) add(h *Header) error {
	at := indexOf(attributeNames[:], h.Key)
	switch {
	case at < 0:
		return nil
	case a.seen[at]:
		return &Error{attributeNames[at], RuleDuplicateField, "a header given twice"}
	case len(h.Value) == 0:
		return &Error{attributeNames[at], RuleMissingField, "an empty header"}
	case !utf8.Valid(h.Value):
		return &Error{attributeNames[at], RuleBadUTF8, "bytes that are not UTF-8"}
	case len(h.Value) > maxHeader && utf8.RuneCount(h.Value) > maxHeader:
		return &Error{attributeNames[at], RuleTooLong, fmt.Sprintf("a header of %d characters, at most %d", utf8.RuneCount(h.Value), maxHeader)}
	}
	a.value[at], a.seen[at] = h.Value, true
	return nil
}

// check checks the envelope as a whole, after the last header.
func (a *attributes) check() error {
	for at, name := range attributeNames {
		if !a.seen[at] && at != attributeTime {
			return &Error{name, RuleMissingField, "a header that is required"}
		}
	}
	if string(a.value[attributeSpecVersion]) != SpecVersion {
		return &Error{HeaderSpecVersion, RuleNotInSet, "another version of CloudEvents than " + SpecVersion}
	}
	if !isJSON(a.value[attributeContentType]) {
		return &Error{HeaderContentType, RuleNotInSet, "another content type than " + ContentType}
	}
	return a.readTime()
}

func (a *attributes) readTime() error {
	if !a.seen[attributeTime] {
		return nil
	}
	t, rule := parseDateTime(string(a.value[attributeTime]))
	if rule != "" {
		return &Error{HeaderTime, rule, "not a date-time of RFC 3339 of the years 1900 to 2199"}
	}
	a.time = t
	return nil
}

// isJSON says whether a content type is that of JSON, in capital or small letters. Parameters
// such as a charset are passed over, whatever they say: the data is UTF-8, always.
func isJSON(contentType []byte) bool {
	switch {
	case string(contentType) == ContentType: // as most publishers write it
		return true
	case len(contentType) < len(ContentType):
		return false
	}
	for i := range len(ContentType) {
		if b := contentType[i]; b != ContentType[i] && (b < 'A' || b > 'Z' || b|0x20 != ContentType[i]) {
			return false
		}
	}
	parameters := bytes.TrimLeft(contentType[len(ContentType):], " \t")
	return len(parameters) == 0 || parameters[0] == ';'
}
