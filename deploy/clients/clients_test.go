package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
	"tajdeed/schema/extract"
	"tajdeed/schema/kafka"
)

const examples = "../../schema/examples"

// What the README tells people to do is what is done here.
func TestReadmeHasTheCommands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join(examples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range languages {
		for _, line := range append(l.fetch, l.command+" apply", l.command+" partitions") {
			if !strings.Contains(string(readme), line) {
				t.Errorf("%s: the README has no %q", l.name, line)
			}
		}
	}
}

// noCode matches lines that are not counted as code: empty ones, comments, imports, and what
// closes a block.
var noCode = regexp.MustCompile(`^\s*((#|//|/\*|\*|import |from ).*|[\]})(;,{ ]*(else|try)?[ {:]*)$`)

func TestExamplesAreShort(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"java/src/main/java/Channel.java", "javascript/channel.js", "python/channel.py"} {
		body, err := os.ReadFile(filepath.Join(examples, file))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(body)) {
			if !noCode.MatchString(strings.TrimRight(line, "\n")) {
				lines++
			}
		}
		if lines < 80 || lines > 120 {
			t.Errorf("%s has %d lines of code", file, lines)
		}
	}
}

// The examples' applications are about residents whom the extract has, and who may renew.
func TestExtractKnowsTheResidents(t *testing.T) {
	t.Parallel()
	residents, err := readResidents(filepath.Join(examples, "resident.json"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range residents {
		if r.id.Check() != nil || seen[r.CivilID] {
			t.Errorf("%s is no Civil ID of its own", r.CivilID)
		}
		seen[r.CivilID] = true
	}
	dir := t.TempDir()
	if err := writeExtract(dir, residents, schema.NewDate(2026, time.January, 1)); err != nil {
		t.Fatal(err)
	}
	residencies, err := os.ReadFile(filepath.Join(dir, "residencies.csv"))
	if err != nil || strings.Count(string(residencies), ",18,204118336,employee,2026-01-31\n") != len(languages) {
		t.Errorf("%v, the residencies:\n%s", err, residencies)
	}
	if _, err := extract.Open(dir); err != nil {
		t.Error(err)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	const want = "291030104196 3\n304022600325 5\n"
	for name, test := range map[string]struct {
		got  string
		want int
	}{
		"the same":          {want, 0},
		"with a log":        {"%4|a warning\n" + want, 0},
		"another partition": {"291030104196 3\n304022600325 4\n", 1},
		"one is missing":    {"304022600325 5\n", 1},
		"nothing":           {"", 2},
	} {
		if got := differences(test.got, want); got != test.want {
			t.Errorf("%s: %d differences, want %d", name, got, test.want)
		}
	}
}

func TestDisclosed(t *testing.T) {
	t.Parallel()
	who := resident{CivilID: "291030104196", Passport: passportOfFile{Number: "N4417702"}}
	for out, want := range map[string]string{
		"first e42a67ee approved\n": "", "for 291030104196\n": "Civil ID", `{"number": "N4417702"}`: "passport",
	} {
		if got := disclosed([]byte(out), who); got != want {
			t.Errorf("%q discloses %q, want %q", out, got, want)
		}
	}
}

// A later edition's answers can be read by this edition, and what holds comes last.
func TestLaterAnswersAreAnswers(t *testing.T) {
	t.Parallel()
	unpaid := message(t, func(*schema.Application) {}, 0)
	again, other := unpaid, message(t, func(a *schema.Application) { a.Months = 24 }, 2)
	again.Offset = 1
	paid := message(t, func(a *schema.Application) {
		a.ID[0]++
		a.Fee = schema.Payment{Receipt: "KNET-2601310042", Amount: 20000, PaidAt: a.SubmittedAt}
	}, 3)
	unreadable := unpaid
	unreadable.Value, unreadable.Offset = []byte("{}"), 4
	var known applications
	var seen []string
	for _, m := range []client.Message{unpaid, again, other, paid, unreadable} {
		for _, answer := range known.answer(m) {
			seen = append(seen, inShort(t, answer))
		}
	}
	want := []string{
		"tajdeed.application.noted.v1", "first pending 1", "first pending 1",
		"resend pending 1", "conflict rejected 1",
		"tajdeed.application.noted.v1", "first pending 1", "first pending 1",
		"unreadable missing_field",
		"first rejected 2", "first approved 1", "first approved 3",
		"first approved 2", "first rejected 1", "first rejected 3",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("the answers are\n%q, want\n%q", seen, want)
	}
}

// inShort reads an answer as this edition's sink does.
func inShort(t *testing.T, m client.Message) string {
	t.Helper()
	answer, err := schema.ReadAnswer(m.Key, m.Value, kafka.FromHeaders(m.Headers))
	if err != nil {
		t.Errorf("%v in %s", err, m.Value)
	}
	switch d := answer.Decision; answer.Type {
	case schema.TypeUnreadable:
		return "unreadable " + answer.Unreadable.Rule.String()
	case schema.TypeDecision:
		return fmt.Sprintf("%s %s %d", d.Disposition, d.Outcome, d.Revision)
	default:
		return answer.Type
	}
}

func message(t *testing.T, change func(*schema.Application), offset int64) client.Message {
	t.Helper()
	id, ok := schema.NewCivilID(schema.NewDate(1991, time.March, 1), 41)
	if !ok {
		t.Fatal("no Civil ID")
	}
	a := schema.Application{
		ID: uuid.MustParse("0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e"), Kind: schema.KindRenewal, CivilID: id, Article: 18, SponsorID: 204118336, Months: 12,
		Passport:    schema.Passport{Number: "N4417702", Country: "IND", ExpiresOn: schema.NewDate(2030, time.July, 14)},
		SubmittedBy: "delegate-7", SubmittedAt: time.Date(2026, 1, 31, 6, 30, 0, 0, time.UTC),
	}
	change(&a)
	var headers []client.Header
	for _, h := range [][2]string{
		{schema.HeaderSpecVersion, schema.SpecVersion}, {schema.HeaderID, "1"}, {schema.HeaderType, schema.TypeApplicationSubmitted},
		{schema.HeaderSource, "/channels/x"}, {schema.HeaderContentType, schema.ContentType},
	} {
		headers = append(headers, client.Header{Key: h[0], Value: []byte(h[1])})
	}
	return client.Message{
		Topic: schema.Topics{Prefix: laterPrefix}.Submissions(languages[0].channel()), Offset: offset, Time: time.Now(),
		Key: []byte(id.String()), Value: a.AppendJSON(nil), Headers: headers,
	}
}
