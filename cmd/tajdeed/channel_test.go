package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"tajdeed/cmd/command"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
)

// A channel is added with topics like those that are there, and listed with them; added
// again it is left alone. One that the stages cannot work with is named.
func TestChannelAddAndList(t *testing.T) {
	t.Parallel()
	topics := schema.Topics{Prefix: "test-" + uuid.NewString()[:13]}
	brokers := kafkatest.Brokers(t)
	created := kafkatest.Topics{Brokers: brokers, Names: topics.Of("counter", "kiosk", "half")}
	t.Cleanup(func() { created.Delete(t) })
	where := []string{"--brokers", strings.Join(brokers, ","), "--topics", topics.Prefix}
	if _, err := kafka.Create(t.Context(), kafka.Config{Brokers: brokers, Topics: topics, Channels: []schema.Channel{"counter"}, Partitions: 3}); err != nil {
		t.Fatal(err)
	}

	add := func(want string) {
		t.Helper()
		if out := asked(t, channelAddCommand(), append(where, "kiosk")...); !strings.Contains(out, want) {
			t.Errorf("it says %q, want %q", out, want)
		}
	}
	add("created " + topics.Submissions("kiosk") + " and " + topics.Decisions("kiosk"))
	add("was there already")
	var list struct{ Channels []listed }
	if err := json.Unmarshal([]byte(asked(t, channelListCommand(), append(where, "--json")...)), &list); err != nil {
		t.Fatal(err)
	}
	want := listed{Channel: "kiosk", Submissions: topics.Submissions("kiosk"), Decisions: topics.Decisions("kiosk"), Partitions: 3}
	if len(list.Channels) != 2 || list.Channels[1] != want {
		t.Errorf("listed %+v, want %+v second", list.Channels, want)
	}

	half := schema.Topics{Prefix: topics.Prefix}
	if _, err := kafka.Create(t.Context(), kafka.Config{Brokers: brokers, Topics: half, Channels: []schema.Channel{"half"}, Partitions: 5}); err != nil {
		t.Fatal(err)
	}
	out, code := ask(t, channelListCommand(), where...)
	if code != command.ExitFailed || !strings.Contains(out, "LEFT OUT") || !strings.Contains(out, kafka.ErrPartitions.Error()) {
		t.Errorf("code %d:\n%s", code, out)
	}
	if _, code := ask(t, channelAddCommand(), append(where, "half")...); code != command.ExitFailed {
		t.Errorf("a channel that cannot be used is added with code %d", code)
	}
}
