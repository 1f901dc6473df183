package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"
	"time"

	"github.com/google/uuid"
	client "github.com/segmentio/kafka-go"
	wire "github.com/segmentio/kafka-go/protocol"

	"tajdeed/dashboards/installationtest"
)

// Messages of an aborted transaction are ignored: they are neither lost nor unknown. Those of
// a committed one count like any other.
func TestIgnoresAbortedTransactions(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	simulation := s.Populate(1000)
	nonsense := client.Message{Key: []byte("299999999999"), Value: []byte("nonsense")}
	s.transaction(s.Topics.Submissions("counter"), 1, false, nonsense, nonsense)
	s.Publish(simulation, 500)
	s.transaction(s.Topics.Submissions("counter"), 1, false, nonsense)
	s.Publish(simulation, 500)
	s.Renewals()
	s.Analytics()
	v := s.verify(withWait(2 * time.Minute))
	v.wantGaps(t)
	if v.Totals.Consumed != 1000 || !v.Complete { // without the aborted ones and the transactions' markers
		t.Errorf("consumed %d messages, want 1000: %+v", v.Totals.Consumed, v.Totals.Pending)
	}
	p := s.spot()
	again := s.announced(p, p.a, p.b+1)
	s.transaction(p.log.Topic, p.log.Partition, false, again[0], nonsense)
	s.transaction(s.Topics.Quarantine(), p.log.Partition, false, nonsense)
	v = s.verify()
	v.wantGaps(t)
	if v.Totals.Repeated != 0 {
		t.Errorf("%d repeats: aborted messages were counted", v.Totals.Repeated)
	}
	at := s.transaction(p.log.Topic, p.log.Partition, true, nonsense, again[0], again[1])
	s.transaction(p.log.Topic, p.log.Partition, false, again...)
	v = s.verify()
	v.wantGaps(t, gapLine(p.log, GapForeign, at, at))
	if v.Totals.Repeated != 2 {
		t.Errorf("%d repeats, want the 2 that were committed", v.Totals.Repeated)
	}
}

// transaction writes messages to a partition and commits or aborts them. It returns
// where the first lies.
func (s *installation) transaction(topic string, partition int, commit bool, messages ...client.Message) int64 {
	s.Helper()
	tx := s.openTransaction(topic, partition)
	at := tx.write(messages)
	tx.end(commit)
	return at
}

func (s *installation) openTransaction(topic string, partition int) *transaction {
	s.Helper()
	transport := &client.Transport{}
	s.Cleanup(transport.CloseIdleConnections)
	tx := &transaction{
		installation: s, conn: &client.Client{Addr: client.TCP(s.Brokers...), Timeout: time.Minute, Transport: transport},
		id: uuid.NewString(), topic: topic, partition: partition,
	}
	tx.begin()
	return tx
}

// What lies before an open transaction is decided while it is open: nobody knows when it
// ends.
func TestOpenTransactionHoldsNothingBack(t *testing.T) {
	t.Parallel()
	s := newInstallation(t)
	simulation := s.Populate(500)
	s.Publish(simulation, 500)
	topic := s.Topics.Submissions("counter")
	tx := s.openTransaction(topic, 1)
	before := tx.write([]client.Message{{Key: []byte("299999999999"), Value: []byte("nonsense")}})
	s.Renewals()
	installationtest.Eventually(t, func() error {
		var next int64
		err := s.Postgres.QueryRow(t.Context(), `SELECT coalesce(max(next_offset), 0) FROM position WHERE topic = $1 AND partition = 1`,
			topic).Scan(&next)
		if err == nil && next < before {
			err = fmt.Errorf("decided up to %d, want %d", next, before)
		}
		return err
	})
	tx.end(false)
}

// transaction is a transaction of a producer of its own. The client has the requests but no
// transactional producer, so the batch that names its producer is made here.
type transaction struct {
	*installation
	conn      *client.Client
	id        string
	topic     string
	partition int
	producer  client.ProducerSession
}

func (tx *transaction) begin() {
	tx.Helper()
	installationtest.Eventually(tx.T, func() error { // a cluster's first transaction waits for its coordinator
		response, err := tx.conn.InitProducerID(tx.Context(), &client.InitProducerIDRequest{TransactionalID: tx.id, TransactionTimeoutMs: 60_000})
		if err == nil {
			err = response.Error
		}
		if err == nil {
			tx.producer = *response.Producer
		}
		return err
	})
	response, err := tx.conn.AddPartitionsToTxn(tx.Context(), &client.AddPartitionsToTxnRequest{
		TransactionalID: tx.id, ProducerID: tx.producer.ProducerID, ProducerEpoch: tx.producer.ProducerEpoch,
		Topics: map[string][]client.AddPartitionToTxn{tx.topic: {{Partition: tx.partition}}},
	})
	if err == nil {
		err = response.Topics[tx.topic][0].Error
	}
	if err != nil {
		tx.Fatal(err)
	}
}

func (tx *transaction) write(messages []client.Message) int64 {
	tx.Helper()
	var at int64
	installationtest.Eventually(tx.T, func() error {
		response, err := tx.conn.RawProduce(tx.Context(), &client.RawProduceRequest{
			Topic: tx.topic, Partition: tx.partition, RequiredAcks: client.RequireAll, TransactionalID: tx.id,
			RawRecords: wire.RawRecordSet{Reader: bytes.NewReader(tx.batch(messages))},
		})
		if err == nil {
			at, err = response.BaseOffset, response.Error
		}
		if errors.Is(err, client.NotLeaderForPartition) || errors.Is(err, client.UnknownTopicOrPartition) {
			return err // a topic's first moment: nothing was stored
		}
		if err != nil {
			tx.Fatal(err)
		}
		return nil
	})
	return at
}

// batch encodes a batch in version 2 of the log's format, in the name of the transaction's
// producer.
func (tx *transaction) batch(messages []client.Message) []byte {
	tx.Helper()
	records := make([]wire.Record, len(messages))
	for i, m := range messages {
		records[i] = wire.Record{Key: wire.NewBytes(m.Key), Value: wire.NewBytes(m.Value), Headers: m.Headers}
	}
	const transactional wire.Attributes = 1 << 4
	set := wire.RecordSet{Version: 2, Attributes: transactional, Records: wire.NewRecordReader(records...)}
	var out bytes.Buffer
	if _, err := set.WriteTo(&out); err != nil {
		tx.Fatal(err)
	}
	// After the four bytes of the total size, the fields of the batch lie at these places.
	const checksum, checked, producerID, producerEpoch, sequence = 17, 21, 43, 51, 53
	batch := out.Bytes()[4:]
	binary.BigEndian.PutUint64(batch[producerID:], uint64(tx.producer.ProducerID))
	binary.BigEndian.PutUint16(batch[producerEpoch:], uint16(tx.producer.ProducerEpoch))
	binary.BigEndian.PutUint32(batch[sequence:], 0)
	binary.BigEndian.PutUint32(batch[checksum:], crc32.Checksum(batch[checked:], crc32.MakeTable(crc32.Castagnoli)))
	return out.Bytes()
}

func (tx *transaction) end(commit bool) {
	tx.Helper()
	response, err := tx.conn.EndTxn(tx.Context(), &client.EndTxnRequest{
		TransactionalID: tx.id, ProducerID: tx.producer.ProducerID, ProducerEpoch: tx.producer.ProducerEpoch, Committed: commit,
	})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		tx.Fatal(err)
	}
}
