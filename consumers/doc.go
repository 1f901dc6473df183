// Package consumers is the engine that every consuming stage runs on: group
// membership, fetching, batches, retries, the fence, quarantine, and the order in
// which effects are made durable, announced and committed. It knows no domain; a
// stage is a child package that says what a batch of messages does.
//
// It promises a stage that the messages of a partition come in order, each takes
// effect once, and what it announces is published at least once and in order. It
// refuses to lose: a gap in the log stops the partition, and an error that nobody
// marked is retried.
//
// Which offset counts depends on where a stage's effects lie. With a [Ledger] the position
// lies in Postgres and moves in the transaction of the effects; the offset that the
// engine commits to Kafka is for lag tools and is never read back. A stage whose store has
// no transactions writes a [Claim] instead: that is a committed offset, with a note, and
// who takes the partition over reads it and goes on from it.
//
// A stage reads any set of topics, which may change while it runs. Every position, error,
// metric and lock is by topic and partition; nothing that happens to a partition concerns one
// of the same number in another topic.
//
// Partitions are worked on together, by the broker that leads them: one request fetches for
// all, and where the stage can join batches, one transaction applies what came. Under
// backlog, several batches of different partitions are applied at once. A partition that
// something is wrong with is worked on by itself until it is well, so it holds no other up.
//
// All goroutines of the consuming side live here. A stage's code is synchronous. The
// README beside this file tells a message's way, step by step.
package consumers
