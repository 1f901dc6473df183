package schema

// The types of the events, as the header ce_type names them.
const (
	TypeApplicationSubmitted = "tajdeed.application.submitted.v1"
	TypeDecision             = "tajdeed.decision.v1"
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

// Header names that a quarantined message carries besides its own: where it lay
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

// Position is where a message lies: what every effect of it carries.
type Position struct {
	Topic     string
	Partition int
	Offset    int64
}
