// Package consumers is the engine that every consuming stage runs on: group
// membership, fetching, batches, retries, the fence, quarantine, and the order in
// which effects are made durable, announced and committed. It knows no domain; a
// stage is a child package that says what a batch of messages does.
//
// It promises a stage that the messages of a partition come in order, each takes
// effect once, and what it announces is published at least once and in order. It
// refuses to lose: a gap in the log stops the partition, an error that nobody
// marked is retried, and offsets that Kafka holds are a hint for lag tools that is
// never read back.
//
// Partitions that are well travel in lanes, one for each broker: one request fetches for
// all partitions of a lane, and where the stage can join batches, one transaction applies
// what came. Under backlog, several apply batches of different partitions at once. A
// partition that something is wrong with leaves its lane, is worked on by itself, and
// joins again, so it holds no other up.
//
// All goroutines of the consuming side live here. A stage's code is synchronous.
package consumers
