package analytics

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// Answers as a later edition may write them go through: names that this one does not know
// stand in the table as they came, fields are passed over, and so are other events.
func TestAnswersOfALaterEdition(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	stage := h.newStage(h.db)
	p := h.open(stage, 0)
	paths, err := filepath.Glob("../../schema/testdata/decision/later/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d golden messages, %v", len(paths), err)
	}
	var messages []consumers.Message
	for i, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d, err := schema.DecodeDecision(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		// The golden ones name other places: here each is caused by a message of its own.
		m := message(int64(i), decision(int64(i)))
		cause := fmt.Sprintf(`"cause": {"topic": %q, "partition": %d, "offset": %d}`, topics.Submissions(channel), partition, i)
		m.Value = replaceCause(t, data, d.Cause, cause)
		messages = append(messages, m)
	}
	event := message(int64(len(paths)), decision(int64(len(paths))))
	event.Headers = schema.Envelope{ID: "1", Type: "tajdeed.receipt.v1", Source: "/test"}.Headers()
	event.Value = []byte(`{"of": "a later edition"}`)
	messages = append(messages, event)
	h.deliver(p, messages...)

	h.exactly(uint64(len(paths)))
	if n := testutil.ToFloat64(stage.metrics.ignored); n != 1 {
		t.Errorf("%v events were ignored, want 1", n)
	}
	if n := len(h.publisher.messages); n != 0 {
		t.Errorf("%d were quarantined", n)
	}
	for column, known := range map[string][]string{
		"outcome": {"approved", "rejected"}, "disposition": {"first", "resend", "conflict"},
	} {
		quoted := "'" + strings.Join(known, "', '") + "'"
		if len(h.lines(`SELECT DISTINCT `+column+` FROM decision WHERE `+column+` NOT IN (`+quoted+`)`)) == 0 {
			t.Errorf("no golden message brings another %s", column)
		}
	}
	if later := h.lines(`SELECT DISTINCT arrayJoin(reasons) AS r FROM decision WHERE r NOT IN ('` + strings.Join(allCodes(), "', '") + `')`); len(later) == 0 {
		t.Error("no golden message brings another reason")
	}
	for _, view := range h.lines(`SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'`) {
		if n := h.lines(`SELECT toString(count()) FROM ` + view); n[0] == "0" && view != "unreadable_by_hour" && view != "rejection_reason_by_hour" {
			t.Errorf("%s shows nothing of them", view)
		}
		h.lines(`SELECT formatRowNoNewline('TSV', *) FROM ` + view)
	}
	if highest := h.lines(`SELECT toString(max(revision)) FROM decision`); highest[0] == "1" {
		t.Error("no golden message has a higher revision")
	}
}

func allCodes() (codes []string) {
	for _, r := range schema.AllReasons() {
		codes = append(codes, r.Code())
	}
	return codes
}

// replaceCause puts another cause into a golden message.
func replaceCause(t *testing.T, data []byte, was schema.Position, cause string) []byte {
	t.Helper()
	text := string(data)
	begin := strings.Index(text, `"cause"`)
	if begin < 0 {
		t.Fatalf("no cause in %s", text)
	}
	end := strings.Index(text[begin:], "}")
	if end < 0 || !strings.Contains(text[begin:begin+end], was.Topic) {
		t.Fatalf("another cause in %s", text)
	}
	return []byte(text[:begin] + cause + text[begin+end+1:])
}

// A message that could not be read is a row too, once, between the decisions that came with
// it, however often its notice is published and wherever a batch ends.
func TestUnreadableMessagesAreCounted(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	var all []consumers.Message
	add := func(from, to int64) {
		for offset := from; offset < to; offset++ {
			m := message(int64(len(all)), decision(offset))
			if offset%7 == 3 {
				m = unreadable(int64(len(all)), offset)
			}
			all = append(all, m)
		}
	}
	add(0, 100)
	add(60, 130) // published again
	rng := rand.New(rand.NewPCG(1, 3))
	p := h.open(h.newStage(h.db), 0)
	for from, done := 0, 0; done < len(all); {
		to := min(len(all), from+1+rng.IntN(40))
		h.deliver(p, all[from:to]...)
		done = max(done, to)
		if from = to; rng.IntN(3) == 0 {
			p = h.reopen()
			from = max(0, done-rng.IntN(50))
		}
	}
	for table, want := range map[string]string{"unreadable": "19 19 3 129", "decision": "111 111 0 128"} {
		got := h.lines(`SELECT concat(toString(count()), ' ', toString(uniqExact(cause_offset)), ' ', toString(min(cause_offset)), ' ', toString(max(cause_offset))) FROM ` + table)
		if got[0] != want {
			t.Errorf("%s: rows, different ones, first and last cause %s, want %s", table, got[0], want)
		}
	}
	got := h.lines(`SELECT formatRowNoNewline('TSV', * EXCEPT inserted_at) FROM unreadable ORDER BY cause_offset LIMIT 1`)
	want := tsv("test.submissions.company_portal", 3, 3, "test.decisions.company_portal", 3, 3, "company_portal", "missing_field", "false",
		"2026-03-15 09:30:01.405000", "2026-03-15 09:30:03.405000")
	if got[0] != want {
		t.Errorf("the row\n%s, want\n%s", got[0], want)
	}
	if hours := h.lines(`SELECT formatRowNoNewline('TSV', *) FROM unreadable_by_hour`); len(hours) != 1 || hours[0] != tsv("2026-03-15 09:00:00", "company_portal", "missing_field", 19) {
		t.Errorf("by hour: %q", hours)
	}
}
