package schema

import _ "embed" // for the published schemas

// ApplicationSchema is the JSON Schema (2020-12) of the data of an event
// [TypeApplicationSubmitted], as published. [DecodeApplication] accepts the same
// messages.
//
//go:embed application.submitted.v1.schema.json
var ApplicationSchema []byte

// DecisionSchema is the JSON Schema (2020-12) of the data of an event
// [TypeDecision], as published. [DecodeDecision] accepts the same messages.
//
//go:embed decision.v1.schema.json
var DecisionSchema []byte

// UnreadableSchema is the JSON Schema (2020-12) of the data of an event
// [TypeUnreadable], as published. [DecodeUnreadable] accepts the same messages.
//
//go:embed submission.unreadable.v1.schema.json
var UnreadableSchema []byte
