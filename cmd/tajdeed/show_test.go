package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/show"
	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// Applications of the record that recorded returns.
const (
	shownApproved = "00000000-0000-4000-8000-000000000001"
	shownRejected = "00000000-0000-4000-8000-000000000002"
)

// The flags say in which languages, how much, and in which form it is told.
func TestShowFlags(t *testing.T) {
	t.Parallel()
	url := recorded(t)
	told := func(flags ...string) (found show.Found) {
		t.Helper()
		out := asked(t, showCommand(), append([]string{shownRejected, "--json", "--postgres", url}, flags...)...)
		if err := json.Unmarshal([]byte(out), &found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	if r := told().Decisions[0].Reasons[0]; r.English == "" || r.Arabic == "" {
		t.Errorf("told in both languages: %+v", r)
	}
	if r := told("--lang", "en").Decisions[0].Reasons[0]; r.English == "" || r.Arabic != "" {
		t.Errorf("told in English: %+v", r)
	}
	if r := told("--lang", "ar").Decisions[0].Reasons[0]; r.English != "" || r.Arabic == "" {
		t.Errorf("told in Arabic: %+v", r)
	}
	if id := told().Application.CivilID; !strings.HasPrefix(id, "********") {
		t.Errorf("a Civil ID is told whole: %s", id)
	}
	if out := asked(t, showCommand(), shownApproved, "--postgres", url); !strings.HasPrefix(out, "Application "+shownApproved) {
		t.Errorf("told to a person:\n%s", out)
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
		{"unknown", []string{"00000000-0000-4000-8000-00000000000f"}, command.ExitFailed},
		{"in quarantine, and no broker to ask", []string{"00000000-0000-4000-8000-000000000004", "--brokers", "127.0.0.1:1"}, command.ExitFailed},
		{"decided, and no broker to ask", []string{shownApproved, "--brokers", "127.0.0.1:1"}, command.ExitDone},
		{"capitals", []string{strings.ToUpper(shownApproved)}, command.ExitDone},
		{"no id", nil, command.ExitUsage},
		{"two ids", []string{shownApproved, shownRejected}, command.ExitUsage},
		{"no UUID", []string{"285010112341"}, command.ExitUsage},
		{"UUID in braces", []string{"{" + shownApproved + "}"}, command.ExitUsage},
		{"language", []string{shownApproved, "--lang", "fr"}, command.ExitUsage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, code := ask(t, showCommand(), append(test.args, "--postgres", url)...); code != test.want {
				t.Errorf("exit code %d, want %d", code, test.want)
			}
		})
	}
}

// recorded returns a record that holds applications.
func recorded(t *testing.T) string {
	t.Helper()
	url := postgrestest.URL(t)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), texttest.Read(t, "../../dashboards/show/testdata/show.sql")); err != nil {
		t.Fatal(err)
	}
	return url
}
