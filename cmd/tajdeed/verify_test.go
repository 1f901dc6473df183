package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/consumers/analytics"
	"tajdeed/dashboards/installationtest"
	"tajdeed/dashboards/verify"
)

// The exit code of verify says whether the books balance, and whether all was through
// where that was waited for.
func TestVerifyExitCodes(t *testing.T) {
	t.Parallel()
	s := newStores(t)
	args := []string{
		"--brokers", strings.Join(s.Brokers, ","), "--topics", s.Topics.Prefix, "--analytics-group", s.Group(analytics.Group),
		"--postgres", s.PostgresURL, "--clickhouse", s.ClickHouseURL,
	}
	verified := func(more ...string) (books verify.Books, code int) {
		t.Helper()
		out, code := ask(t, verifyCommand(), append(args, append(more, "--json")...)...)
		if err := json.Unmarshal([]byte(out), &books); err != nil {
			t.Fatalf("verify said no JSON: %v\n%s", err, out)
		}
		return books, code
	}
	s.Publish(s.Populate(300), 300)
	if books, code := verified("--wait", "200ms"); code != command.ExitFailed || books.Complete || !books.Balanced {
		t.Errorf("nothing is through after the wait: exit code %d, %+v", code, books.Totals)
	}
	s.Renewals()
	s.Analytics()
	books, code := verified("--wait", "2m", "--pseudonym-key", installationtest.PseudonymKey)
	if code != command.ExitDone || !books.Balanced || !books.Complete || !books.PersonsCompared {
		t.Errorf("all is through: exit code %d, %+v", code, books)
	}
	if err := s.ClickHouse.Exec(t.Context(), `DELETE FROM decision WHERE cause_offset % 7 = 3`); err != nil {
		t.Fatal(err)
	}
	if books, code := verified(); code != command.ExitFailed || books.Balanced || books.Repair != nil {
		t.Errorf("rows are missing: exit code %d, balanced %t", code, books.Balanced)
	}
	books, code = verified("--repair", "--pseudonym-key", installationtest.PseudonymKey)
	if code != command.ExitDone || !books.Balanced || books.Repair == nil || books.Repair.Inserted == 0 {
		t.Errorf("a repair: exit code %d, %+v", code, books.Repair)
	}
	if report := asked(t, verifyCommand(), args...); !strings.HasPrefix(report, "Balanced: every message is accounted for, once.") {
		t.Errorf("report:\n%s", report)
	}
	if _, err := s.Postgres.Exec(t.Context(), `UPDATE position SET skipped = skipped + 1 WHERE next_offset > 0`); err != nil {
		t.Fatal(err)
	}
	if books, code := verified(); code != command.ExitFailed || books.Balanced {
		t.Errorf("the books are wrong: exit code %d, balanced %t", code, books.Balanced)
	}
	for name, more := range map[string][]string{
		"repair without a key": {"--repair"}, "short key": {"--pseudonym-key", "short"}, "argument": {"everything"},
	} {
		if _, code := ask(t, verifyCommand(), append(args, more...)...); code != command.ExitUsage {
			t.Errorf("%s: exit code %d, want %d", name, code, command.ExitUsage)
		}
	}
}
