package analytics

import (
	"fmt"
	"testing"
	"time"

	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// BenchmarkPrepare decodes a batch of 1,000 decisions.
func BenchmarkPrepare(b *testing.B) {
	messages := log(0, decisions(0, 1000)...)
	p := &stagePartition{logPartition: &logPartition{at, string(channel)}, stage: &Stage{Config: Config{Topics: topics}}}
	b.ReportAllocs()
	for b.Loop() {
		p.Prepare(batch(messages...))
	}
	perRow(b, 1000)
}

func BenchmarkColumns(b *testing.B) {
	rows := benchRows(0, 10_000)
	stage := &Stage{Config: Config{Topics: topics, Pseudonym: key(b, "a key of this benchmark"), Now: time.Now}}
	b.ReportAllocs()
	for b.Loop() {
		stage.columns(rows)
	}
	perRow(b, len(rows))
}

// BenchmarkBlock fills a block as the driver has it, without a server.
func BenchmarkBlock(b *testing.B) {
	rows := benchRows(0, 10_000)
	stage := &Stage{Config: Config{Topics: topics, Pseudonym: key(b, "a key of this benchmark"), Now: time.Now}}
	b.ReportAllocs()
	for b.Loop() {
		block := newBlock(b)
		for i, values := range stage.columns(rows) {
			if _, err := block.Columns[i].Append(values); err != nil {
				b.Fatal(err)
			}
		}
	}
	perRow(b, len(rows))
}

// newBlock has the columns of insert.sql, with the types of their table.
func newBlock(b *testing.B) *proto.Block {
	block := proto.NewBlock()
	for i, kind := range []chcolumn.Type{
		"LowCardinality(String)", "Int32", "Int64", "LowCardinality(String)", "Int32", "Int64",
		"UUID", "LowCardinality(String)", "LowCardinality(String)",
		"Array(LowCardinality(String))", "LowCardinality(String)", "UInt32", "Bool",
		"LowCardinality(String)", "UInt8", "UInt16", "LowCardinality(String)", "UInt64", "UInt64",
		"Int64", "Int64", "Int64", "Nullable(Date32)", "Nullable(Date32)",
		"DateTime64(6)", "DateTime64(6)", "DateTime64(6)", "DateTime64(6)", "DateTime64(6)",
	} {
		if err := block.AddColumn(fmt.Sprint(i), kind); err != nil {
			b.Fatal(err)
		}
	}
	return block
}

func BenchmarkPseudonym(b *testing.B) {
	h := key(b, "a key of this benchmark").hasher()
	b.ReportAllocs()
	for b.Loop() {
		h.person(civilID)
	}
}

// BenchmarkInsert sends blocks to a real ClickHouse: the larger, the cheaper a row.
func BenchmarkInsert(b *testing.B) {
	for _, size := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			h := newDatabase(b)
			stage := h.newStage(h.db)
			rows, from := benchRows(0, size), int64(0)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for i := range rows { // the same block again would be dropped
					rows[i].logOffset, rows[i].Cause.Offset = from+int64(i), from+int64(i)
				}
				from += int64(size)
				b.StartTimer()
				if err := stage.insert(b.Context(), token(rows), rows); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, size)
		})
	}
}

func benchRows(from int64, n int) []row {
	rows, log := make([]row, 0, n), &logPartition{at, string(channel)}
	for i, d := range decisions(from, from+int64(n)) {
		rows = append(rows, row{Decision: d, log: log, logOffset: int64(i), publishedAt: d.DecidedAt})
	}
	return rows
}

// perRow reports the time by row instead of by batch.
func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
