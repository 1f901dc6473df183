package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/schema/postgres/postgrestest"
)

const goodRegister = `{"record":"sponsor","sponsor_id":"204118336","kind":"company"}
{"record":"resident","civil_id":"291030104196","passport_number":"N4417702","passport_country":"IND","passport_expires_on":"2030-07-14"}
{"record":"residency","civil_id":"291030104196","article":18,"sponsor_id":"204118336","relation":"employee","expires_on":"2026-02-19"}
`

// badSponsor is a line that no register can hold.
const badSponsor = `{"record":"sponsor","sponsor_id":"20411833","kind":"company"}`

func TestImportTwice(t *testing.T) {
	t.Parallel()
	url, file := postgrestest.URL(t), writeRegister(t, goodRegister)
	out, errs, err := commandtest.Run(t, importCommand(), "", "--postgres", url, file)
	if err != nil || errs != "" || !strings.HasPrefix(out, "Imported 1 sponsors, 1 residents, 1 residencies in ") {
		t.Fatalf("printed %q and %q: %v", out, errs, err)
	}
	out, _, err = commandtest.Run(t, importCommand(), "", "--postgres", url, file)
	if err != nil || !strings.Contains(out, "nothing was done") {
		t.Fatalf("printed %q: %v", out, err)
	}
	other := writeRegister(t, goodRegister+"\n")
	_, _, err = commandtest.Run(t, importCommand(), "", "--postgres", url, other)
	if commandtest.Code(err) != command.ExitRefused || !strings.Contains(err.Error(), "already holds another import") {
		t.Fatal(err)
	}
}

func TestImportRefusesBadLines(t *testing.T) {
	t.Parallel()
	url, file := postgrestest.URL(t), writeRegister(t, badSponsor+"\n"+goodRegister)
	out, errs, err := commandtest.Run(t, importCommand(), "", "--postgres", url, file)
	const named = "register.ndjson:1: sponsor_id: bad_format: 8 bytes, not nine digits, the first not 0\n"
	if commandtest.Code(err) != command.ExitRefused || out != "" || errs != named {
		t.Fatalf("printed %q and %q: %v", out, errs, err)
	}

	bad := filepath.Join(t.TempDir(), "bad.ndjson")
	out, errs, err = commandtest.Run(t, importCommand(), "", "--postgres", url, "--skip-bad", bad, "--json", file)
	var report struct{ Sponsors, Residents, Residencies, Skipped int64 }
	if decoded := json.Unmarshal([]byte(out), &report); decoded != nil {
		t.Fatal(decoded)
	}
	if commandtest.Code(err) != command.ExitRefused || errs != "" || report.Sponsors != 1 || report.Residencies != 1 || report.Skipped != 1 {
		t.Fatalf("printed %q and %q: %v", out, errs, err)
	}
	wantCollected(t, bad)
}

// wantCollected wants the bad line, whole, with its reason, for its owner only.
func wantCollected(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var line collectedLine
	if err := json.Unmarshal(raw, &line); err != nil {
		t.Fatal(err)
	}
	if line.Line != 1 || line.Field != "sponsor_id" || line.Rule != "bad_format" || line.Raw != badSponsor {
		t.Fatalf("%+v", line)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
}

func TestImportUsage(t *testing.T) {
	t.Parallel()
	if _, _, err := commandtest.Run(t, importCommand(), ""); commandtest.Code(err) != command.ExitUsage {
		t.Fatal(err)
	}
	if _, _, err := commandtest.Run(t, importCommand(), "", filepath.Join(t.TempDir(), "none")); err == nil || commandtest.Code(err) == command.ExitUsage {
		t.Fatal(err)
	}
}

func writeRegister(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "register.ndjson")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
