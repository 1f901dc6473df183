package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"tajdeed/dashboards/text"
	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
	"tajdeed/schema/kafka"
)

//go:embed positions.sql
var selectPositions string

//go:embed decisions.sql
var selectDecisions string

//go:embed complete.sql
var selectComplete string

//go:embed rows.sql
var selectRows string

//go:embed latency.sql
var selectLatency string

// Result is what became of everything that a run published, as `up --once --json` prints
// it.
type Result struct {
	Published      int64 `json:"published"`
	Consumed       int64 `json:"consumed"`
	Approved       int64 `json:"approved"`
	Rejected       int64 `json:"rejected"`
	Duplicates     int64 `json:"duplicates"`
	Conflicts      int64 `json:"conflicts"`
	Quarantined    int64 `json:"quarantined"`
	ClickHouseRows int64 `json:"clickhouse_rows"`
	// Balanced says that the books of the whole installation balance, see
	// [verify.Books], and that nothing of what this run published is missing.
	Balanced  bool    `json:"balanced"`
	Seconds   float64 `json:"seconds"` // from the first message until the last row could be queried
	PerSecond float64 `json:"per_second"`
	// LatencyMS is from the topic to the decision. A run that publishes everything
	// at once measures the backlog.
	LatencyMS struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"latency_ms"`

	announced int64 // offsets that are
}

// decided is how many decisions there are.
func (r *Result) decided() int64 { return r.Approved + r.Rejected + r.Duplicates + r.Conflicts }

// took says how long it took.
func (r *Result) took(d time.Duration) {
	r.Seconds = text.Rounded(d.Seconds())
	r.PerSecond = text.Rounded(float64(r.Published) / d.Seconds())
}

// judge takes the verdict from the books. They don't know how much was published: what
// never reached the topic is missing here.
func (r *Result) judge(books *verify.Books) {
	r.Balanced = books.Balanced && books.Complete && r.Consumed >= r.Published
}

// WriteJSON writes the result as one JSON object.
func (r *Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// account compares what a run published with what came out. It begins at the ends
// of the topic's partitions before the run.
type account struct {
	system     *system
	partitions []int32
	from       []int64
}

func (s *system) openAccount(ctx context.Context) (*account, error) {
	ends, err := kafka.Ends(ctx, s.at.Brokers, s.topics.Submissions)
	if err != nil {
		return nil, err
	}
	a := &account{system: s}
	for partition, end := range ends {
		a.partitions, a.from = append(a.partitions, int32(partition)), append(a.from, end.Next)
	}
	return a, nil
}

// patience says how long nothing may have changed before what is missing is taken to be
// lost.
var patience = local.Patience{Every: 50 * time.Millisecond, Still: time.Minute}

// await waits until it is done or the figure stands still: the books then say what is
// missing.
func await(ctx context.Context, what string, ask func() (figure int64, done bool, err error)) error {
	if err := patience.Await(ctx, what, ask); !errors.Is(err, local.ErrStandsStill) {
		return err
	}
	return nil
}

// settle waits until everything published since begin is decided, announced and
// can be queried, or nothing moves any more, and counts what came out.
func (a *account) settle(ctx context.Context, published int64, begin time.Time) (r Result, err error) {
	r.Published = published
	err = await(ctx, "the record", func() (int64, bool, error) {
		err := a.ask(ctx, selectPositions, &r.Consumed, &r.announced)
		return r.Consumed + r.announced, r.Consumed >= published && r.announced >= published, err
	})
	if err != nil {
		return r, err
	}
	err = a.ask(ctx, selectDecisions, &r.Approved, &r.Rejected, &r.Duplicates, &r.Conflicts, &r.Quarantined)
	if err != nil {
		return r, err
	}
	err = await(ctx, "ClickHouse's rows", func() (int64, bool, error) {
		var rows uint64
		err := a.askClickHouse(ctx, selectRows, &rows)
		r.ClickHouseRows = int64(rows)
		return r.ClickHouseRows, r.ClickHouseRows >= r.decided(), err
	})
	if err != nil {
		return r, err
	}
	r.took(time.Since(begin))
	return r, await(ctx, "the latency", func() (int64, bool, error) {
		err := a.askClickHouse(ctx, selectLatency, &r.LatencyMS.P50, &r.LatencyMS.P99)
		return 0, err == nil, err
	})
}

// settleCompleteness waits until ClickHouse says that all is in: the stage analytics writes
// so when a partition has been quiet for a moment.
func (a *account) settleCompleteness(ctx context.Context) error {
	return await(ctx, "the completeness of ClickHouse", func() (_ int64, told bool, err error) {
		err = a.system.clickhouse.QueryRow(ctx, selectComplete).Scan(&told)
		return 0, told, err
	})
}

func (a *account) ask(ctx context.Context, query string, into ...any) error {
	err := a.system.postgres.QueryRow(ctx, query, a.system.topics.Submissions, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count what the record holds: %w", err)
	}
	return nil
}

func (a *account) askClickHouse(ctx context.Context, query string, into ...any) error {
	err := a.system.clickhouse.QueryRow(ctx, query, a.system.topics.Submissions, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("count the rows of ClickHouse: %w", err)
	}
	return nil
}
