// Package schema is the contract: the messages that cross a topic, the rules of
// their form, the topics, and the words that channels, workers and analysts
// share. It outlives every process, so it imports nothing of ours.
//
// A message is a CloudEvent in Kafka's binary mode with JSON data. [ReadApplication]
// and [ReadAnswer] read a whole message: key, value and headers. [DecodeApplication],
// [DecodeDecision] and [DecodeUnreadable] read its data alone. The same contract is
// published for other languages beside this file: a JSON Schema for each type,
// asyncapi.yaml for the topics and README.md for the engineer of a channel. Tests compare
// the Go code with those files.
//
// Decoding refuses what breaks the contract: doubled fields, null for an absent field,
// wrong types, values outside their range or pattern, text that is not Unicode, bytes after
// the end, messages over [MaxMessageBytes]. In an application it also refuses what the
// contract does not name; answers are open, so a field or a name of a later edition is no
// error there. Each refusal is an [*Error] that names the field, the rule and the shape of
// what it found. It never repeats a value: a message holds personal data and an error ends
// up in a log.
//
// Decoding does not ask what a message means. A Civil ID with a wrong check digit, an
// insurance that ends before it begins, an article nobody can renew: those are
// readable applications, and a rejection with its [Reason] is the answer to them.
package schema
