package verify

// Terms are one line of the books:
// consumed = decided + applied + duplicates + conflicts + quarantined, and each of them but
// what was applied is answered: answers = published + notices.
type Terms struct {
	Consumed    int64 `json:"consumed"`
	Decided     int64 `json:"decided"` // for the first time
	Applied     int64 `json:"applied"` // evidence; there is none yet
	Duplicates  int64 `json:"duplicates"`
	Conflicts   int64 `json:"conflicts"`
	Quarantined int64 `json:"quarantined"`
	// Answers counts what lies on the channel's decisions topic, each once: decisions, and
	// notices of messages that cannot be read. Repeated counts the copies beyond the first,
	// which a worker publishes when it takes a partition over.
	Answers   int64 `json:"answers"`
	Published int64 `json:"published"` // decisions
	Notices   int64 `json:"notices"`
	Repeated  int64 `json:"repeated"`
	// Unanswered is how many messages were consumed whose answer should lie there, and does
	// not: consumed − applied − answers − pending.publish. It is less than 0 where there are
	// more answers than messages.
	Unanswered           int64   `json:"unanswered"`
	QuarantinedPublished int64   `json:"quarantined_published"` // on the quarantine topic, each once
	ClickHouseRows       int64   `json:"clickhouse_rows"`       // of decisions
	ClickHouseUnreadable int64   `json:"clickhouse_unreadable"` // of messages that cannot be read
	Pending              Pending `json:"pending"`
}

// Pending counts what is on its way, which is no imbalance.
type Pending struct {
	Consume    int64 `json:"consume"`    // messages to consume
	Publish    int64 `json:"publish"`    // answers to publish
	Quarantine int64 `json:"quarantine"` // messages to publish on the quarantine topic
	ClickHouse int64 `json:"clickhouse"` // rows to insert, of both tables
}

func (p Pending) none() bool { return p == Pending{} }

// decisions is how many decisions there are.
func (t *Terms) decisions() int64 { return t.Decided + t.Duplicates + t.Conflicts }

// accounted is the right side of the equation.
func (t *Terms) accounted() int64 { return t.decisions() + t.Applied + t.Quarantined }

func (t *Terms) add(other *Terms) {
	t.Consumed += other.Consumed
	t.Decided += other.Decided
	t.Applied += other.Applied
	t.Duplicates += other.Duplicates
	t.Conflicts += other.Conflicts
	t.Quarantined += other.Quarantined
	t.Answers += other.Answers
	t.Published += other.Published
	t.Notices += other.Notices
	t.Repeated += other.Repeated
	t.Unanswered += other.Unanswered
	t.QuarantinedPublished += other.QuarantinedPublished
	t.ClickHouseRows += other.ClickHouseRows
	t.ClickHouseUnreadable += other.ClickHouseUnreadable
	t.Pending.Consume += other.Pending.Consume
	t.Pending.Publish += other.Pending.Publish
	t.Pending.Quarantine += other.Pending.Quarantine
	t.Pending.ClickHouse += other.Pending.ClickHouse
}
