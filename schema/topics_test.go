package schema

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestChannelNamesAreRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ab", "counter", "company_portal", "a_", "a1", "x9_9", "a" + strings.Repeat("z", 31)} {
		if c, err := ParseChannel(name); err != nil || string(c) != name {
			t.Errorf("%q: %q, %v", name, c, err)
		}
	}
	for _, c := range DefaultChannels() {
		if _, err := ParseChannel(string(c)); err != nil {
			t.Error(err)
		}
	}
}

func TestOtherNamesAreNoChannels(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "a", "1a", "_a", "-a", "Counter", "mobile-app", "mobile.app", "mobile app", "mobile/app", "a\n", "a\x00", "قناة", "café", "ａｂ", "*",
		"a" + strings.Repeat("z", 32),
	} {
		if c, err := ParseChannel(name); !errors.Is(err, ErrChannel) || c != "" {
			t.Errorf("%q: %q, %v", name, c, err)
		}
	}
}

func TestTopicsOfChannels(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string][]string{
		DefaultPrefix: {
			"tajdeed.submissions.counter", "tajdeed.decisions.counter",
			"tajdeed.submissions.mobile_app", "tajdeed.decisions.mobile_app", "tajdeed.quarantine",
		},
		"gov.moi.test-2": {
			"gov.moi.test-2.submissions.counter", "gov.moi.test-2.decisions.counter",
			"gov.moi.test-2.submissions.mobile_app", "gov.moi.test-2.decisions.mobile_app", "gov.moi.test-2.quarantine",
		},
	} {
		if got := (Topics{prefix}).Of("counter", "mobile_app"); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (Topics{"x"}).Of(); !slices.Equal(got, []string{"x.quarantine"}) {
		t.Errorf("without channels %q", got)
	}
}

// A topic's name says which channel it is of; every other name is of none.
func TestChannelsOfTopics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prefix, topic          string
		submissions, decisions Channel
	}{
		{"tajdeed", "tajdeed.submissions.counter", "counter", ""},
		{"tajdeed", "tajdeed.decisions.counter", "", "counter"},
		{"tajdeed", "tajdeed.submissions.decisions", "decisions", ""},
		{"tajdeed", "tajdeed.decisions.submissions", "", "submissions"},
		{"gov.moi", "gov.moi.submissions.company_portal", "company_portal", ""},
		{"gov.moi", "gov.moi.decisions.company_portal", "", "company_portal"},
		{"tajdeed", "tajdeed.quarantine", "", ""},
		{"tajdeed", "tajdeed.submissions", "", ""},
		{"tajdeed", "tajdeed.submissions.", "", ""},
		{"tajdeed", "tajdeed.submissions.c", "", ""},
		{"tajdeed", "tajdeed.submissions.Counter", "", ""},
		{"tajdeed", "tajdeed.submissions.counter.dlq", "", ""},
		{"tajdeed", "tajdeed.evidence.manpower", "", ""},
		{"tajdeed", "tajdeedx.submissions.counter", "", ""},
		{"tajdeed", "x.tajdeed.submissions.counter", "", ""},
		{"tajdeed", "tajdeed-test.submissions.counter", "", ""},
		{"tajdeed", "tajdeed.test.submissions.counter", "", ""},
		{"tajdeed", "tajdeed.submissions.test.submissions.counter", "", ""},
		{"tajdeed.submissions.test", "tajdeed.submissions.test.submissions.counter", "counter", ""},
		{"gov.moi", "gov_moi.submissions.counter", "", ""},
		{"tajdeed", "", "", ""},
	} {
		topics := Topics{c.prefix}
		if got, ok := topics.SubmissionsChannel(c.topic); got != c.submissions || ok != (got != "") {
			t.Errorf("%s: %q submits on %q, %t", c.prefix, got, c.topic, ok)
		}
		if got, ok := topics.DecisionsChannel(c.topic); got != c.decisions || ok != (got != "") {
			t.Errorf("%s: %q is answered on %q, %t", c.prefix, got, c.topic, ok)
		}
		want := ""
		if c.submissions != "" {
			want = c.prefix + ".decisions." + string(c.submissions)
		}
		if got, ok := topics.AnswersTo(c.topic); got != want || ok != (want != "") {
			t.Errorf("%s: messages of %q are answered on %q, %t", c.prefix, c.topic, got, ok)
		}
	}
}

// Stages ask once for each batch; a name that is looked up costs no memory.
func TestChannelsOfTopicsAllocateNothing(t *testing.T) {
	topics, ours, foreign := Topics{"gov.moi.residency.renewals"}, "gov.moi.residency.renewals.submissions.government_portal", "gov.moi.residency.renewals.submissions.x"
	if n := testing.AllocsPerRun(100, func() { topics.SubmissionsChannel(ours); topics.SubmissionsChannel(foreign) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTopicsKeepEverythingAndStampTheBrokersTime(t *testing.T) {
	t.Parallel()
	topics := Topics{DefaultPrefix}
	for _, name := range topics.Of("counter") {
		got := topics.Settings(name)
		if got["message.timestamp.type"] != "LogAppendTime" || got["retention.ms"] != "-1" || got["retention.bytes"] != "-1" || got["cleanup.policy"] != "delete" {
			t.Errorf("%s: %v", name, got)
		}
		if _, larger := got["max.message.bytes"]; larger != (name == topics.Quarantine()) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTopicPartitionIsWrittenAsOperatorsDo(t *testing.T) {
	t.Parallel()
	p := Position{"tajdeed.submissions.counter", 3, 7}.TopicPartition()
	if p != (TopicPartition{"tajdeed.submissions.counter", 3}) || p.String() != "tajdeed.submissions.counter/3" {
		t.Error(p)
	}
}
