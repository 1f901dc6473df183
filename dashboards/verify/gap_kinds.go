package verify

// GapKind says what is wrong with a run of offsets. These are the offsets of the messages
// that were consumed; only for [GapForeign] they are those of the topic that was read.
type GapKind string

// What can be wrong.
const (
	GapUnaccounted      GapKind = "unaccounted"        // consumed, and neither decided nor quarantined
	GapEmpty            GapKind = "no_message"         // consumed, holds no message, and was not skipped
	GapTwice            GapKind = "accounted_twice"    // decided and quarantined
	GapNotConsumed      GapKind = "not_consumed"       // decided or quarantined, outside the offsets that were consumed
	GapSkipped          GapKind = "skipped"            // the count of offsets without a message is too high
	GapBatchMissing     GapKind = "batch_missing"      // no batch covers it
	GapBatchOverlaps    GapKind = "batch_overlaps"     // two batches cover it
	GapBatchNotConsumed GapKind = "batch_not_consumed" // a batch covers it, beyond the offsets that were consumed

	GapNotPublished       GapKind = "not_published"        // decided and not on the decisions topic
	GapPublishedOtherwise GapKind = "published_otherwise"  // there with another content
	GapPublishedUnknown   GapKind = "published_unknown"    // there, and the record holds no decision
	GapNoticeNotPublished GapKind = "notice_not_published" // quarantined, and no notice of it on the decisions topic
	GapNoticeOtherwise    GapKind = "notice_otherwise"     // there with another content
	GapNoticeUnknown      GapKind = "notice_unknown"       // there, and the record did not quarantine the message
	GapMisordered         GapKind = "misordered"           // there, after the answer to a later message

	GapQuarantineNotPublished GapKind = "quarantine_not_published"
	GapQuarantineMisordered   GapKind = "quarantine_misordered"
	GapQuarantineOtherwise    GapKind = "quarantine_otherwise"
	GapQuarantineUnknown      GapKind = "quarantine_unknown"

	GapMissing   GapKind = "clickhouse_missing"
	GapDoubled   GapKind = "clickhouse_doubled"
	GapDifferent GapKind = "clickhouse_different"
	GapUnknown   GapKind = "clickhouse_unknown" // the record holds no such decision

	GapUnreadableMissing   GapKind = "clickhouse_unreadable_missing" // the same of messages that cannot be read
	GapUnreadableDoubled   GapKind = "clickhouse_unreadable_doubled"
	GapUnreadableDifferent GapKind = "clickhouse_unreadable_different"
	GapUnreadableUnknown   GapKind = "clickhouse_unreadable_unknown"

	GapForeign GapKind = "foreign" // on a topic that the stages publish on, and not as they publish
)

// gapKinds are the kinds in the order in which the books list them.
var gapKinds = []GapKind{
	GapUnaccounted, GapEmpty, GapTwice, GapNotConsumed, GapSkipped, GapBatchMissing, GapBatchOverlaps, GapBatchNotConsumed,
	GapNotPublished, GapPublishedOtherwise, GapPublishedUnknown,
	GapNoticeNotPublished, GapNoticeOtherwise, GapNoticeUnknown, GapMisordered,
	GapQuarantineNotPublished, GapQuarantineMisordered, GapQuarantineOtherwise, GapQuarantineUnknown,
	GapMissing, GapDoubled, GapDifferent, GapUnknown,
	GapUnreadableMissing, GapUnreadableDoubled, GapUnreadableDifferent, GapUnreadableUnknown, GapForeign,
}

// gapTexts say what is wrong.
var gapTexts = map[GapKind]string{
	GapUnaccounted:            "consumed, and neither decided nor quarantined",
	GapEmpty:                  "consumed, and no message lies there",
	GapTwice:                  "decided and quarantined",
	GapNotConsumed:            "decided or quarantined, and never consumed",
	GapSkipped:                "more was skipped, by the record's count, than holds no message",
	GapBatchMissing:           "covered by no batch",
	GapBatchOverlaps:          "covered by two batches",
	GapBatchNotConsumed:       "covered by a batch, and never consumed",
	GapNotPublished:           "decided, and not answered on the decisions topic",
	GapPublishedOtherwise:     "decided, and on the decisions topic with another content",
	GapPublishedUnknown:       "decided by the decisions topic, and not by the record",
	GapNoticeNotPublished:     "quarantined, and not answered on the decisions topic",
	GapNoticeOtherwise:        "quarantined, and the notice on the decisions topic says something else",
	GapNoticeUnknown:          "unreadable by the decisions topic, and not by the record",
	GapMisordered:             "answered on the decisions topic behind a later message",
	GapQuarantineNotPublished: "quarantined, and not on the quarantine topic",
	GapQuarantineMisordered:   "on the quarantine topic behind a later one",
	GapQuarantineOtherwise:    "on the quarantine topic for another reason, or with other bytes",
	GapQuarantineUnknown:      "on the quarantine topic, and not in the record",
	GapMissing:                "decided, and missing in ClickHouse",
	GapDoubled:                "decided, and doubled in ClickHouse",
	GapDifferent:              "decided, and different in ClickHouse",
	GapUnknown:                "decided by ClickHouse, and not by the record",
	GapUnreadableMissing:      "unreadable, and missing in ClickHouse",
	GapUnreadableDoubled:      "unreadable, and doubled in ClickHouse",
	GapUnreadableDifferent:    "unreadable, and different in ClickHouse",
	GapUnreadableUnknown:      "unreadable by ClickHouse, and not by the record",
	GapForeign:                "on this topic, and not published by a stage",
}
