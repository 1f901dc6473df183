package local

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	//go:embed kafka/server.properties
	kafkaProperties string
	//go:embed kafka/log4j2.yaml
	kafkaLogging string
)

func kafkaPlan(c Config, f *folder, got packages, ports Ports) plan {
	home := filepath.Join(f.path, kafkaName)
	return plan{
		name: kafkaName,
		prepare: func(ctx context.Context) (program, error) {
			if err := initKafka(ctx, c, got, home, ports); err != nil {
				return program{}, err
			}
			return program{
				name:    kafkaName,
				title:   kafkaTitle(),
				command: func() *exec.Cmd { return kafkaCommand(got, home) },
				answers: func(ctx context.Context) error { return brokerAnswers(ctx, ports.Kafka) },
				stop:    syscall.SIGTERM,
			}, nil
		},
		setUp: func(context.Context) (string, error) { return kafkaVersion(), nil },
	}
}

func kafkaTitle() string { return "Apache Kafka " + kafkaVersion() }

// kafkaVersion is that of the jars, which are checked against the list: neither the
// protocol nor the broker's log tells it.
func kafkaVersion() string {
	sums, _ := manifests.ReadFile("kafka/SHA256SUMS") // embedded
	found := regexp.MustCompile(`kafka_[\d.]+-(.+)\.jar`).FindSubmatch(sums)
	if found == nil {
		return "unknown"
	}
	return string(found[1])
}

// initKafka writes the configuration, with this start's ports, and formats the
// data folder if there is none. It is formatted under another name and renamed when it
// is complete, so that a start that was cut short leaves none that looks ready.
func initKafka(ctx context.Context, c Config, got packages, home string, ports Ports) error {
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := replaceFile(filepath.Join(home, "log4j2.yaml"), []byte(kafkaLogging)); err != nil {
		return err
	}
	data := filepath.Join(home, "data")
	if !exists(data) {
		c.Progress("formatting Kafka's data folder")
		if err := formatKafka(ctx, c, got, home, data, ports); err != nil {
			return err
		}
	}
	return writeProperties(filepath.Join(home, "server.properties"), data, c.KafkaProxy, ports)
}

func formatKafka(ctx context.Context, c Config, got packages, home, data string, ports Ports) error {
	next := data + ".new"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("remove what an earlier start left: %w", err)
	}
	properties := filepath.Join(home, "format.properties")
	if err := writeProperties(properties, next, c.KafkaProxy, ports); err != nil {
		return err
	}
	if err := runTool(ctx, home, got.java, "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(got.jars, "*"),
		"kafka.tools.StorageTool", "format", "-t", clusterID(), "-c", properties); err != nil {
		return fmt.Errorf("format the data folder: %w", err)
	}
	if err := os.Rename(next, data); err != nil {
		return fmt.Errorf("move the data folder into place: %w", err)
	}
	return os.Remove(properties)
}

func writeProperties(path, data, proxy string, ports Ports) error {
	return writeTemplate(path, kafkaProperties, struct {
		Port, ControllerPort, ProxiedPort int
		Proxy, Data                       string
	}{ports.Kafka, ports.KafkaController, ports.KafkaProxied, proxy, data})
}

// clusterID is a random UUID as Kafka writes it. One that begins with a dash
// would be read as an option.
func clusterID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails, says its documentation
	id[0] &= 0x7f        // the dash is 62 of 64
	return base64.RawURLEncoding.EncodeToString(id)
}

// kafkaCommand leaves out the JVM's second compiler, C2: in runs of seconds it
// costs more than it gains. Without it, by `tajdeed-local bench --applications 200000 --only
// renewals,whole` on two cores shared by all, Kafka's CPU per application goes
// from 11-14 µs to 7-9 (renewals) and from 21-23 µs to 15-17 (whole).
func kafkaCommand(got packages, home string) *exec.Cmd {
	return exec.Command(got.java, "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true",
		"-Dlog4j2.configurationFile="+filepath.Join(home, "log4j2.yaml"),
		"-cp", filepath.Join(got.jars, "*"), "kafka.Kafka", filepath.Join(home, "server.properties"))
}

// brokerAnswers asks whether a topic could be created, without creating it: a broker
// whose port is open, and which lists itself, may still refuse that. franz-go asks,
// because kafka-go would wait for the topic to appear, which this one never does.
func brokerAnswers(ctx context.Context, port int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address(port)), kgo.RequestRetries(0))
	if err != nil {
		return err
	}
	defer client.Close()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "tajdeed.readiness", 1, 1
	ask := kmsg.NewPtrCreateTopicsRequest()
	ask.Topics, ask.ValidateOnly = append(ask.Topics, topic), true
	answer, err := ask.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	for _, t := range answer.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}
