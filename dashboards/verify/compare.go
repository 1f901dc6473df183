package verify

// topicComparison compares what the record holds of one partition with what lies on a topic
// for it.
type topicComparison struct {
	books      *PartitionBooks
	misordered GapKind
	highest    int64 // cause so far
}

// comparedEntries are entries that should lie on a topic, the kinds of gaps between both, and
// where it is counted what lies there.
type comparedEntries struct {
	*entries

	notPublished, different, unknown GapKind
	// Each once; the copies beyond the first; and those that are not there yet.
	published, repeated, pending *int64
}

// compareAnswers compares a partition's decisions, and the notices of its messages that
// cannot be read, with its channel's decisions topic. They lie there among one another, in
// the order of the messages. Those of messages before the offset published should lie there.
func compareAnswers(p *PartitionBooks, decisions, notices *entries, announced []announcement, published int64) {
	c := topicComparison{books: p, misordered: GapMisordered, highest: -1}
	expected := map[bool]*comparedEntries{
		false: {
			decisions, GapNotPublished, GapPublishedOtherwise, GapPublishedUnknown,
			&p.Published, &p.Repeated, &p.Pending.Publish,
		},
		true: {
			notices, GapNoticeNotPublished, GapNoticeOtherwise, GapNoticeUnknown,
			&p.Notices, &p.Repeated, &p.Pending.Publish,
		},
	}
	for i := range announced {
		c.compareMessage(expected[announced[i].notice], &announced[i])
	}
	p.Answers = p.Published + p.Notices
	c.findUnpublished(expected[false], published)
	c.findUnpublished(expected[true], published)
}

// compareQuarantined compares a partition's messages in quarantine with the quarantine topic.
func compareQuarantined(p *PartitionBooks, quarantined *entries, announced []announcement, published int64) {
	c := topicComparison{books: p, misordered: GapQuarantineMisordered, highest: -1}
	var repeated int64
	expected := &comparedEntries{
		quarantined, GapQuarantineNotPublished, GapQuarantineOtherwise, GapQuarantineUnknown,
		&p.QuarantinedPublished, &repeated, &p.Pending.Quarantine,
	}
	for i := range announced {
		c.compareMessage(expected, &announced[i])
	}
	c.findUnpublished(expected, published)
}

// compareMessage compares one message of the topic with the record. A message may be
// repeated, but the first copies must lie in the order of their causes.
func (c *topicComparison) compareMessage(expected *comparedEntries, a *announcement) {
	i, known := expected.index(a.causeOffset)
	if !known {
		c.books.addGap(expected.unknown, a.causeOffset, a.causeOffset+1)
		return
	}
	e := &expected.all[i]
	if a.differs || e.fingerprint != a.fingerprint || e.parties != a.parties {
		c.books.addGap(expected.different, a.causeOffset, a.causeOffset+1)
	}
	if e.logOffset != notOnTopic {
		*expected.repeated++
		return
	}
	e.logOffset, e.publishedAt = a.logOffset, a.publishedAt
	*expected.published++
	if a.causeOffset < c.highest {
		c.books.addGap(c.misordered, a.causeOffset, a.causeOffset+1)
	}
	c.highest = max(c.highest, a.causeOffset)
}

// findUnpublished looks for the entries that lie nowhere on the topic. Those before the offset
// published should.
func (c *topicComparison) findUnpublished(expected *comparedEntries, published int64) {
	for i := range expected.all {
		switch e := &expected.all[i]; {
		case e.logOffset != notOnTopic:
		case e.offset < published:
			c.books.addGap(expected.notPublished, e.offset, e.offset+1)
		default:
			*expected.pending++
			c.books.Watermark.Published = min(c.books.Watermark.Published, e.offset)
		}
	}
}
