package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"tajdeed/dashboards/text"
	"tajdeed/schema/kafka"
)

//go:embed up_positions.sql
var selectPositions string

//go:embed up_decisions.sql
var selectDecisions string

//go:embed up_complete.sql
var selectComplete string

//go:embed up_rows.sql
var selectRows string

//go:embed up_latency.sql
var selectLatency string

// upResult is what became of everything that a run published.
type upResult struct {
	Published      int64 `json:"published"`
	Consumed       int64 `json:"consumed"`
	Approved       int64 `json:"approved"`
	Rejected       int64 `json:"rejected"`
	Duplicates     int64 `json:"duplicates"`
	Conflicts      int64 `json:"conflicts"`
	Quarantined    int64 `json:"quarantined"`
	ClickHouseRows int64 `json:"clickhouse_rows"`
	// Balanced says that each message is accounted for once, and each decision
	// once in ClickHouse.
	Balanced  bool    `json:"balanced"`
	Seconds   float64 `json:"seconds"` // from the first message until the last row could be queried
	PerSecond float64 `json:"per_second"`
	// LatencyMS is from the topic to the decision. A run that publishes everything
	// at once measures the backlog.
	LatencyMS struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"latency_ms"`

	announced int64
}

// decided is how many decisions there are.
func (r *upResult) decided() int64 { return r.Approved + r.Rejected + r.Duplicates + r.Conflicts }

func (r *upResult) finish(took time.Duration) {
	r.Seconds = text.Rounded(took.Seconds())
	r.PerSecond = text.Rounded(float64(r.Published) / took.Seconds())
	r.Balanced = r.Published == r.Consumed &&
		r.Consumed == r.decided()+r.Quarantined &&
		r.ClickHouseRows == r.decided()
}

func (r *upResult) writeJSON(w io.Writer) error {
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

// upPatience is how long nothing may have changed before what is missing is taken to be
// lost.
var upPatience = patience{every: 50 * time.Millisecond, still: time.Minute}

// await waits until it is done or the figure stands still: the books then say what is
// missing.
func await(ctx context.Context, what string, ask func() (figure int64, done bool, err error)) error {
	if err := upPatience.await(ctx, what, ask); !errors.Is(err, errStandsStill) {
		return err
	}
	return nil
}

// settle waits until everything published since begin is decided, announced and
// can be queried, or nothing moves any more, and takes stock.
func (a *account) settle(ctx context.Context, published int64, begin time.Time) (r upResult, err error) {
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
		err := a.askAnalysts(ctx, selectRows, &rows)
		r.ClickHouseRows = int64(rows)
		return r.ClickHouseRows, r.ClickHouseRows >= r.decided(), err
	})
	if err != nil {
		return r, err
	}
	r.finish(time.Since(begin))
	return r, await(ctx, "the latency", func() (int64, bool, error) {
		err := a.askAnalysts(ctx, selectLatency, &r.LatencyMS.P50, &r.LatencyMS.P99)
		return 0, err == nil, err
	})
}

// settleAnalysts waits until analysts are told that all is in: the sink says so when a
// partition has been quiet for a moment.
func (a *account) settleAnalysts(ctx context.Context) error {
	return await(ctx, "the analysts' watermark", func() (_ int64, told bool, err error) {
		err = a.system.analysts.QueryRow(ctx, selectComplete).Scan(&told)
		return 0, told, err
	})
}

func (a *account) ask(ctx context.Context, query string, into ...any) error {
	err := a.system.record.QueryRow(ctx, query, a.system.topics.Submissions, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("take stock of the record: %w", err)
	}
	return nil
}

func (a *account) askAnalysts(ctx context.Context, query string, into ...any) error {
	err := a.system.analysts.QueryRow(ctx, query, a.system.topics.Submissions, a.partitions, a.from).Scan(into...)
	if err != nil {
		return fmt.Errorf("take stock of the analysts' database: %w", err)
	}
	return nil
}
