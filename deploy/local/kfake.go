package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

func kfakePlan(f *folder, ports Ports) plan {
	home := filepath.Join(f.path, string(BrokerKfake))
	return plan{
		name: kafkaName,
		prepare: func(context.Context) (program, error) {
			return program{
				name:    kafkaName,
				title:   string(BrokerKfake),
				command: func() *exec.Cmd { return reexec(kfakeChild, home, strconv.Itoa(ports.Kafka)) },
				answers: func(ctx context.Context) error { return brokerAnswers(ctx, ports.Kafka) },
			}, nil
		},
		setUp: func(context.Context) (string, error) { return string(BrokerKfake), nil },
	}
}

// kfakeMain is the child: one broker, every write synced, until standard input ends.
func kfakeMain(args []string) error {
	if len(args) != 2 {
		return errors.New("a data folder and a port are needed")
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.Ports(port),
		kfake.DataDir(args[0]),
		kfake.SyncWrites(),
		kfake.DefaultNumPartitions(4),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	)
	if err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	defer cluster.Close()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return fmt.Errorf("wait for the end: %w", err)
	}
	return nil
}
