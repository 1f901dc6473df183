package kafka_test

import (
	"fmt"
	"hash/crc32"
	"os"
	"strings"
	"testing"

	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// The examples' file says where keys belong: a Civil ID, its partition of 7 and its partition
// of 12. A partitioner that is not Java's must show in it.
func TestPartitionsOfTheExamples(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../examples/partitions.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines, otherwise := 0, 0
	for line := range strings.Lines(string(body)) {
		var key string
		var of7, of12 int
		if _, err := fmt.Sscan(line, &key, &of7, &of12); err != nil {
			t.Fatalf("line %d: %v", lines+1, err)
		}
		lines++
		if id, err := schema.ParseCivilID(key); err != nil || id.Check() != nil {
			t.Errorf("line %d: no Civil ID", lines)
		}
		if a, b := placeOf(key, 7), placeOf(key, 12); a != of7 || b != of12 {
			t.Errorf("line %d: %d of 7 and %d of 12, want %d and %d", lines, of7, of12, a, b)
		}
		if int(crc32.ChecksumIEEE([]byte(key))%12) != of12 {
			otherwise++
		}
	}
	if lines != 100 || otherwise < 50 {
		t.Errorf("%d lines, of which CRC-32 places %d elsewhere", lines, otherwise)
	}
}

func placeOf(key string, partitions int) int {
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	return client.Murmur2Balancer{}.Balance(client.Message{Key: []byte(key)}, all...)
}
