package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// The applications of testdata/show.sql.
const (
	shownApproved = "00000000-0000-4000-8000-000000000001"
	shownRejected = "00000000-0000-4000-8000-000000000002"
	shownUnknown  = "00000000-0000-4000-8000-000000000003"
)

func TestShowReport(t *testing.T) {
	t.Parallel()
	url := recorded(t)
	for name, args := range map[string][]string{
		"show-approved.txt":         {shownApproved},
		"show-approved-in-full.txt": {"--civil-id", shownApproved},
		"show-rejected.txt":         {shownRejected},
		"show-rejected-ar.txt":      {shownRejected, "--lang", "ar"},
		"show-rejected-en.txt":      {shownRejected, "--lang", "en"},
		"show-unknown.txt":          {shownUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, asked(t, showCommand(), append(args, "--postgres", url)...))
		})
	}
}

func TestShowJSON(t *testing.T) {
	t.Parallel()
	url := recorded(t)
	out := asked(t, showCommand(), shownApproved, "--json", "--postgres", url)
	if strings.Contains(out, "285010112341") || strings.Contains(out, "299123198765") {
		t.Errorf("a Civil ID is shown whole:\n%s", out)
	}
	var s shown
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Decisions) != 3 {
		t.Fatalf("%d decisions, want 3", len(s.Decisions))
	}
	if !strings.Contains(out, `"sponsor_id": "`) {
		t.Errorf("a sponsor's id is no string, as in the contract:\n%s", out)
	}
	first, conflict := s.Decisions[0], s.Decisions[2]
	if first.Disposition != "first" || first.Outcome != "approved" || first.FeeDue != 20000 || *first.NewExpiry != "2027-12-01" || !first.Announced {
		t.Errorf("first decision: %+v", first)
	}
	if conflict.CivilID != "********8765" || conflict.Reasons[0].English == "" || conflict.Reasons[0].Arabic == "" {
		t.Errorf("conflict: %+v", conflict)
	}
}

func TestShowTellsWhatIsNotAnnounced(t *testing.T) {
	t.Parallel()
	var s shown
	if err := json.Unmarshal([]byte(asked(t, showCommand(), shownRejected, "--json", "--postgres", recorded(t))), &s); err != nil {
		t.Fatal(err)
	}
	if s.Decisions[0].Announced {
		t.Error("a decision is announced that lies behind the published offset")
	}
}

func TestShowExitCodes(t *testing.T) {
	t.Parallel()
	url := recorded(t)
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"unknown", []string{"00000000-0000-4000-8000-00000000000f"}, exitFailed},
		{"capitals", []string{strings.ToUpper(shownApproved)}, exitDone},
		{"no id", nil, exitUsage},
		{"two ids", []string{shownApproved, shownRejected}, exitUsage},
		{"no UUID", []string{"285010112341"}, exitUsage},
		{"UUID in braces", []string{"{" + shownApproved + "}"}, exitUsage},
		{"language", []string{shownApproved, "--lang", "fr"}, exitUsage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, code := ask(t, showCommand(), append(test.args, "--postgres", url)...); code != test.want {
				t.Errorf("exit code %d, want %d", code, test.want)
			}
		})
	}
}

// recorded returns a record that holds the applications of testdata/show.sql.
func recorded(t *testing.T) string {
	t.Helper()
	url := postgrestest.URL(t)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), readText(t, "testdata/show.sql")); err != nil {
		t.Fatal(err)
	}
	return url
}
