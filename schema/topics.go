package schema

// DefaultPrefix begins the names of an installation's topics, unless the operator
// chooses another. Two installations may share a cluster under two prefixes.
const DefaultPrefix = "tajdeed"

// Topics are the names of an installation's topics. Their key is the resident's
// Civil ID, so that everything about one person is in one partition, in order. A
// decision goes to the partition of the message that caused it, with its key.
type Topics struct {
	Submissions string // applications
	Decisions   string // what became of each
	Quarantine  string // what could not be read, bytes untouched
}

// NamedTopics returns the names under a prefix: "tajdeed.submissions" and so on.
func NamedTopics(prefix string) Topics {
	return Topics{
		Submissions: prefix + ".submissions",
		Decisions:   prefix + ".decisions",
		Quarantine:  prefix + ".quarantine",
	}
}

// Names returns the names in the order of the flow.
func (t Topics) Names() []string { return []string{t.Submissions, t.Decisions, t.Quarantine} }

// DefaultPartitions is the number of partitions of every topic, unless the
// operator chooses another at the creation. All topics of one installation have
// the same number, because a decision keeps its cause's partition.
const DefaultPartitions = 12

// Settings are what a topic is created with, by the broker's names. Quarantine has room
// for the largest message of another topic (1 MiB, unless the broker says otherwise) and
// for the headers that say where it lay.
func (t Topics) Settings(name string) map[string]string {
	settings := topicSettings()
	if name == t.Quarantine {
		settings["max.message.bytes"] = "2097152"
	}
	return settings
}

// topicSettings are those of every topic. Nothing expires: the topics are the record's
// source, and a lost database is rebuilt from them. A message's time is its publisher's,
// because that is what every client library reads; a time that is more than an hour ahead
// is refused.
func topicSettings() map[string]string {
	return map[string]string{
		"cleanup.policy":                 "delete",
		"retention.ms":                   "-1",
		"retention.bytes":                "-1",
		"message.timestamp.type":         "CreateTime",
		"message.timestamp.after.max.ms": "3600000",
	}
}
