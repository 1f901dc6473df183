package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	client "github.com/segmentio/kafka-go"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/dashboards/installationtest"
	"tajdeed/dashboards/policies"
	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// newArticle is an article that no policy built in renews, with the limit and the price that
// an officer gives it. Nothing of the program knows them.
const (
	newArticle       = 26
	newArticleMonths = 24
	newArticleFils   = 35_000
	newArticleRule   = "MR-1-2027-3" // of a resolution that is made up
)

// edition is the policy that an officer edits, and the directory in which it lies edited.
type edition struct {
	before    *policy.Policy // built in, and in force today
	file      string         // its file's name
	directory string
}

// newEdition copies the policies built in, and edits in the copy the one in force today as an
// officer does: the old file goes to the archive, the new one has a raised edition and the
// rows that are given, each below the line that opens its table.
func newEdition(t *testing.T, rows map[string]string) edition {
	t.Helper()
	set, err := policy.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e := edition{directory: t.TempDir()}
	var inForce bool
	if e.before, inForce = set.On(schema.DateOf(time.Now())); !inForce {
		t.Fatal("no policy is in force today")
	}
	copyPolicies(t, e.directory)
	version, _, _ := strings.Cut(e.before.Version, "+")
	name, number, _ := strings.Cut(version, "@")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	e.file = name + ".json"
	old := filepath.Join(e.directory, e.file)
	text := replaceOnce(t, texttest.Read(t, old), strconv.Quote(version), strconv.Quote(fmt.Sprintf("%s@%d", name, n+1)))
	for after, row := range rows {
		text = replaceOnce(t, text, after+"\n", after+"\n"+row+"\n")
	}
	if err := os.Rename(old, filepath.Join(e.directory, "archive", version+".json")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return e
}

// withNewArticle is an edition that renews the new article.
func withNewArticle(t *testing.T) edition {
	t.Helper()
	return newEdition(t, map[string]string{
		`"limits": [`: fmt.Sprintf(`{"article": %d, "months": %d, "rule": %q, "sources": [], "confidence": "assumed", "note": "A test's."},`, newArticle, newArticleMonths, newArticleRule),
		`"fees": [`:   fmt.Sprintf(`{"article": %d, "fils_per_year": %d, "rule": %q, "sources": [], "confidence": "assumed", "note": "A test's."},`, newArticle, newArticleFils, newArticleRule),
	})
}

// copyPolicies copies the files of the policies built in.
func copyPolicies(t *testing.T, to string) {
	t.Helper()
	const from = "../../schema/policy"
	if err := os.Mkdir(filepath.Join(to, "archive"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.json", "archive/*.json"} {
		names, err := filepath.Glob(filepath.Join(from, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%d policies are %s (%v)", len(names), pattern, err)
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(to, filepath.Dir(pattern), filepath.Base(name)), []byte(texttest.Read(t, name)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func replaceOnce(t *testing.T, text, old, changed string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q stands %d times in the policy", old, n)
	}
	return strings.Replace(text, old, changed, 1)
}

// version is the edited policy's, with its digest, after what an officer is to do before a
// worker is given it: the directory is in order, and differs as it was meant to.
func (e *edition) version(t *testing.T) string {
	t.Helper()
	asked(t, policyCommand(), "check", e.directory)
	d := policyJSON[policies.Diff](t, "diff", e.before.Version, e.directory)
	if len(d.Comparisons) != 1 || len(d.Comparisons[0].Changes) != 2 {
		t.Fatalf("the new edition differs by %+v, want a limit and a fee", d.Comparisons)
	}
	for _, c := range d.Comparisons[0].Changes {
		if c.Change != policies.Added {
			t.Errorf("the new edition differs by %+v", c)
		}
	}
	return d.Comparisons[0].B.Version
}

// registered puts a resident into the register whose residency under the new article expires
// in ten days, and returns an application for a year more of it, with the fee and the cover
// that the new edition asks for.
func (s *stores) registered() schema.Application {
	s.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	expiry := schema.DateOf(now).AddDays(10)
	a := schema.Application{
		ID: uuid.New(), Kind: schema.KindRenewal, CivilID: 291030104196, Article: newArticle, SponsorID: 204118336, Months: 12,
		Passport:    schema.Passport{Number: "N4417702", Country: "IND", ExpiresOn: expiry.AddMonths(60)},
		SubmittedBy: "counter-7", SubmittedAt: now,
		Fee:       schema.Payment{Receipt: "KNET-2601310042", Amount: newArticleFils, PaidAt: now.Add(-time.Minute)},
		Insurance: schema.Insurance{Policy: "HI-88120044", From: expiry.AddDays(1), To: expiry.AddMonths(12)},
	}
	register := fmt.Sprintf(`{"record":"sponsor","sponsor_id":"%d","kind":"company"}
{"record":"resident","civil_id":"%s","passport_number":"%s","passport_country":"%s","passport_expires_on":"%s"}
{"record":"residency","civil_id":"%s","article":%d,"sponsor_id":"%d","relation":"employee","expires_on":"%s"}
`, a.SponsorID, a.CivilID, a.Passport.Number, a.Passport.Country, a.Passport.ExpiresOn, a.CivilID, a.Article, a.SponsorID, expiry)
	asked(s.T, importCommand(), "--postgres", s.PostgresURL, writeRegister(s.T, register))
	return a
}

// submit submits an application at the counter.
func (s *stores) submit(a *schema.Application) {
	s.Helper()
	_, refused, err := commandtest.Run(s.T, submitCommand(), string(a.AppendJSON(nil))+"\n",
		"--brokers", strings.Join(s.Brokers, ","), "--topics", s.Topics.Prefix, "--channel", "counter", "-")
	if err != nil {
		s.Fatalf("%v: %s", err, refused)
	}
}

// decisions waits for n answers to the counter, and compares the decision in each with the
// one in the record. All are on one resident, so that they are in their order.
func (s *stores) decisions(n int) []schema.Decision {
	s.Helper()
	installationtest.Eventually(s.T, func() error {
		var published int
		err := s.Postgres.QueryRow(s.Context(), `SELECT coalesce(sum(published_offset), 0)::bigint FROM position`).Scan(&published)
		if err == nil && published < n {
			err = fmt.Errorf("%d of %d answers are published", published, n)
		}
		return err
	})
	var all []schema.Decision
	for _, a := range s.answers(s.Topics.Submissions("counter")) {
		all = append(all, a.Decision)
		d := &a.Decision
		told := line(d.Outcome.String(), d.Policy, d.Reasons.Codes(), int64(d.FeeDue), int64(d.FineDue), day(d.OldExpiry), day(d.NewExpiry))
		if held := s.recorded(d); told != held {
			s.Errorf("the counter was told %s; the record has %s", told, held)
		}
	}
	if len(all) != n {
		s.Fatalf("%d answers lie on the topic, want %d", len(all), n)
	}
	return all
}

// recorded is the decision in the record that an answer tells of.
func (s *stores) recorded(d *schema.Decision) string {
	s.Helper()
	var outcome, policy, oldExpiry, newExpiry string
	var reasons []string
	var fee, fine int64
	err := s.Postgres.QueryRow(s.Context(), `
		SELECT outcome, policy, reasons, fee_due_fils, fine_due_fils, coalesce(old_expiry::text, 'none'), coalesce(new_expiry::text, 'none')
		FROM decision WHERE topic = $1 AND partition = $2 AND "offset" = $3`, d.Cause.Topic, d.Cause.Partition, d.Cause.Offset).
		Scan(&outcome, &policy, &reasons, &fee, &fine, &oldExpiry, &newExpiry)
	if err != nil {
		s.Fatal(err)
	}
	return line(outcome, policy, reasons, fee, fine, oldExpiry, newExpiry)
}

// is fails unless a decision is as wanted.
func is(t *testing.T, d *schema.Decision, disposition schema.Disposition, version string, reasons ...string) {
	t.Helper()
	if d.Disposition != disposition || d.Policy != version || !slices.Equal(d.ReasonCodes(), reasons) || (d.Outcome == schema.OutcomeApproved) != (len(reasons) == 0) {
		t.Errorf("a %s, %s by %s for %q; want a %s by %s for %q", d.Disposition, d.Outcome, d.Policy, d.ReasonCodes(), disposition, version, reasons)
	}
}

// An article that the program does not know is renewed by a worker that is given a policy
// with a limit and a price for it: no build is needed.
func TestNewArticleIsAPolicyEdit(t *testing.T) {
	t.Parallel()
	s, edited := newStores(t), withNewArticle(t)
	version := edited.version(t)
	a := s.registered()
	s.renewals("--policy", edited.directory)
	s.submit(&a)

	d := &s.decisions(1)[0]
	is(t, d, schema.DispositionFirst, version)
	if d.Article != newArticle || d.FeeDue != newArticleFils || d.NewExpiry != a.Insurance.To {
		t.Errorf("article %d for %s until %s, want %d for %s until %s", d.Article, d.FeeDue, d.NewExpiry, newArticle, schema.Fils(newArticleFils), a.Insurance.To)
	}
	var expires string
	err := s.Postgres.QueryRow(t.Context(), `SELECT expires_on::text FROM residency WHERE civil_id = $1`, int64(a.CivilID)).Scan(&expires)
	if err != nil || expires != a.Insurance.To.String() {
		t.Errorf("the residency ends on %s (%v), want %s", expires, err, a.Insurance.To)
	}
}

// By the policies built in, the application is rejected, and stays so when the worker was
// started again with the new edition; whoever applies anew is decided by that.
func TestNewArticleLeavesWhatWasDecided(t *testing.T) {
	t.Parallel()
	s, edited := newStores(t), withNewArticle(t)
	version, a := edited.version(t), s.registered()
	before := s.renewals()
	s.submit(&a)
	is(t, &s.decisions(1)[0], schema.DispositionFirst, edited.before.Version, "article_not_renewable")
	before.Signal(syscall.SIGTERM)

	s.renewals("--policy", edited.directory)
	s.submit(&a)
	anew := a
	anew.ID = uuid.New()
	s.submit(&anew)
	decided := s.decisions(3)
	is(t, &decided[0], schema.DispositionFirst, edited.before.Version, "article_not_renewable")
	is(t, &decided[1], schema.DispositionResend, edited.before.Version, "article_not_renewable")
	is(t, &decided[2], schema.DispositionFirst, version)
}

// A worker that is given a policy with a mistake says where it is, and consumes nothing.
func TestPolicyWithAMistakeIsRefused(t *testing.T) {
	t.Parallel()
	s, edited := newStores(t), withNewArticle(t)
	a := s.registered()
	s.submit(&a)
	for _, c := range []struct {
		name, after, row string
		line             int // at which it is noticed, from the row's
		says             string
	}{
		{"a price without a limit", `"fees": [`, `{"article": 26, "fils_per_year": 1, "rule": "MR-1-2027-3", "sources": [], "confidence": "assumed", "note": "A test's."},`, 0, "fees[0] (rule MR-1-2027-3): article 26 has a price and no limit"},
		{"a limit on no source", `"limits": [`, `{"article": 26, "months": 12, "rule": "MR-1-2027-3", "sources": ["NONE"], "confidence": "B"},`, 0, `limits[0] (rule MR-1-2027-3): source "NONE" has no address in sources`},
		{"no rule", `"limits": [`, `{"article": 26, "months": 12, "sources": [], "confidence": "assumed", "note": "A test's."},`, 0, "limits[0]: no rule is named"},
		{"no comma", `"limits": [`, `{"article": 26, "months": 12}`, 1, "invalid character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken := newEdition(t, map[string]string{c.after: c.row})
			text := texttest.Read(t, filepath.Join(broken.directory, broken.file))
			before, _, _ := strings.Cut(text, c.row)
			at := 1 + strings.Count(before, "\n") + c.line
			worker := s.renewals("--policy", broken.directory)
			if code := worker.Exit(); code != command.ExitRefused {
				t.Errorf("exit code %d", code)
			}
			if where := fmt.Sprintf("policy %s:%d: %s", broken.file, at, c.says); !strings.Contains(worker.Said(), where) {
				t.Errorf("it said %q, want %q in it", worker.Said(), where)
			}
		})
	}
	group := s.Group("renewals")
	if s.hasGroup(group) {
		t.Error("a worker that was refused has joined the consumer group")
	}
	var positions int
	if err := s.Postgres.QueryRow(t.Context(), `SELECT count(*) FROM position`).Scan(&positions); err != nil || positions != 0 {
		t.Errorf("the record has %d positions (%v)", positions, err)
	}

	// What they left is decided by the next that is given policies in order.
	s.renewals("--policy", edited.directory)
	is(t, &s.decisions(1)[0], schema.DispositionFirst, edited.version(t))
	if !s.hasGroup(group) {
		t.Error("a worker that decides is in no consumer group: this test does not see them")
	}
}

// hasGroup says whether the brokers know a consumer group.
func (s *stores) hasGroup(name string) bool {
	s.Helper()
	conn := &client.Client{Addr: client.TCP(s.Brokers...), Timeout: 10 * time.Second}
	response, err := conn.ListGroups(s.Context(), &client.ListGroupsRequest{})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		s.Fatal(err)
	}
	return slices.ContainsFunc(response.Groups, func(g client.ListGroupsResponseGroup) bool { return g.GroupID == name })
}
