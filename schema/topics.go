package schema

// The topics. Their key is the resident's Civil ID, so that everything about one
// person lies in one partition, in order; a decision goes to the partition of
// the message that caused it, with its key.
const (
	TopicSubmissions = "tajdeed.submissions"
	TopicDecisions   = "tajdeed.decisions"
	TopicQuarantine  = "tajdeed.quarantine"
)

// Topic is a topic with the settings that it is created with.
type Topic struct {
	Name string
	// Config are the broker's topic settings, by their names there.
	Config map[string]string
}

// DefaultPartitions is the number of partitions of every topic, unless the
// operator chooses another at the creation. All topics of one installation have
// the same number, because a decision keeps its cause's partition.
const DefaultPartitions = 12

// Topics returns the topics of an installation. Nothing expires: the topics are
// the record's source, and a lost database is rebuilt from them. The broker's
// clock stamps the messages, so that waiting times are measured by one clock.
func Topics() []Topic {
	settings := map[string]string{
		"cleanup.policy":         "delete",
		"retention.ms":           "-1",
		"retention.bytes":        "-1",
		"message.timestamp.type": "LogAppendTime",
	}
	return []Topic{
		{Name: TopicSubmissions, Config: settings},
		{Name: TopicDecisions, Config: settings},
		{Name: TopicQuarantine, Config: settings},
	}
}
