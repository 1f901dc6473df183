package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"tajdeed/cmd/command/commandtest"
	"tajdeed/deploy/demo"
	"tajdeed/deploy/local"
	"tajdeed/deploy/local/localtest"
	"tajdeed/schema/postgres"
)

// The whole program as a newcomer runs it, on each kind of broker: it accounts for
// everything, and a second run goes on where the first one stopped.
func TestUpOnce(t *testing.T) {
	t.Parallel()
	for _, broker := range []string{"kafka", "kfake"} {
		t.Run(broker, func(t *testing.T) {
			t.Parallel()
			data := localtest.Folder(t)
			up := commandtest.Command(t.Context(), "up", "--once", "--broker", broker, "--data", data, "--applications", "500", "--residents", "3000", "--partitions", "3")
			var report, said bytes.Buffer
			up.Stdout, up.Stderr = &report, &said
			if err := up.Run(); err != nil || !bytes.Contains(report.Bytes(), []byte("every decision published before is in")) {
				t.Errorf("the report does not say that its figures are complete: %v\n%s\n%s", err, report.String(), said.String())
			}
			for run, published := range []int64{3000, 1000} {
				result := upOnce(t, "--broker", broker, "--data", data, "--applications", fmt.Sprint(published), "--partitions", "3")
				if !result.Balanced || result.Published != published || result.Consumed != published || result.Answers != published || len(result.Channels) != 6 {
					t.Errorf("run %d: %+v", run, result)
				}
				// A run that began anew would find every application there already.
				if result.Approved < published*8/10 {
					t.Errorf("run %d approved %d of %d", run, result.Approved, published)
				}
			}
			refused := commandtest.Command(t.Context(), "up", "--once", "--json", "--broker", broker, "--data", data, "--seed", "2")
			if out, err := refused.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("--fresh")) {
				t.Errorf("another seed on the same data: %v\n%s", err, out)
			}
		})
	}
}

// A data folder whose record has contents and is no simulation, as an edition before this one
// left it, is refused with what to do, and that helps.
func TestUpOnARecordThatIsNoSimulation(t *testing.T) {
	t.Parallel()
	data := localtest.Folder(t)
	err := local.With(t.Context(), local.Config{Data: data, Broker: local.BrokerKfake}, func(servers *local.Servers) error {
		record, err := postgres.Connect(t.Context(), postgres.Config{URL: servers.Endpoints().Postgres})
		if err != nil {
			return err
		}
		defer record.Close()
		if _, err := postgres.Migrate(t.Context(), record); err != nil {
			return err
		}
		_, err = record.Exec(t.Context(), `INSERT INTO position (topic, partition, first_offset, next_offset, published_offset) VALUES ('tajdeed.submissions', 0, 0, 1, 1)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--broker", "kfake", "--data", data, "--applications", "500", "--residents", "3000", "--partitions", "3"}
	refused := commandtest.Command(t.Context(), append([]string{"up", "--once"}, args...)...)
	if out, err := refused.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("--fresh")) {
		t.Errorf("a record that is no simulation: %v\n%s", err, out)
	}
	if result := upOnce(t, append(args, "--fresh")...); !result.Balanced {
		t.Errorf("with --fresh: %+v", result)
	}
}

// upOnce runs `up --once --json` and reads what it prints.
func upOnce(t *testing.T, args ...string) (result demo.Result) {
	t.Helper()
	up := commandtest.Command(t.Context(), append([]string{"up", "--once", "--json"}, args...)...)
	var out, log bytes.Buffer
	up.Stdout, up.Stderr = &out, &log
	if err := up.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, log.String())
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("standard output is not one JSON object: %v\n%s", err, out.String())
	}
	return result
}
