package show

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema/postgres/postgrestest"
)

// The applications of testdata/show.sql.
const (
	approved = "00000000-0000-4000-8000-000000000001"
	rejected = "00000000-0000-4000-8000-000000000002"
	unknown  = "00000000-0000-4000-8000-000000000003"
)

func TestReport(t *testing.T) {
	t.Parallel()
	db := newRecord(t)
	both := Options{English: true, Arabic: true}
	for name, c := range map[string]struct {
		id      string
		options Options
	}{
		"approved.txt":         {approved, both},
		"approved-in-full.txt": {approved, Options{English: true, Arabic: true, WholeCivilIDs: true}},
		"rejected.txt":         {rejected, both},
		"rejected-ar.txt":      {rejected, Options{Arabic: true}},
		"rejected-en.txt":      {rejected, Options{English: true}},
		"unknown.txt":          {unknown, both},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texttest.Golden(t, name, find(t, db, c.id, c.options).Text())
		})
	}
}

func find(t *testing.T, db *pgxpool.Pool, id string, options Options) *Found {
	t.Helper()
	found, err := Find(t.Context(), db, uuid.MustParse(id), options)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	if err := find(t, newRecord(t), approved, Options{English: true, Arabic: true}).WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	out := text.String()
	if strings.Contains(out, "285010112341") || strings.Contains(out, "299123198765") {
		t.Errorf("a Civil ID is shown whole:\n%s", out)
	}
	var s Found
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Decisions) != 3 {
		t.Fatalf("%d decisions, want 3", len(s.Decisions))
	}
	if !strings.Contains(out, `"sponsor_id": "`) {
		t.Errorf("a sponsor's id is not a string, as it is in the contract:\n%s", out)
	}
	first, conflict := s.Decisions[0], s.Decisions[2]
	if first.Disposition != "first" || first.Outcome != "approved" || first.FeeDue != 20000 || *first.NewExpiry != "2027-12-01" || !first.Announced {
		t.Errorf("first decision: %+v", first)
	}
	if conflict.CivilID != "********8765" || conflict.Reasons[0].English == "" || conflict.Reasons[0].Arabic == "" {
		t.Errorf("conflict: %+v", conflict)
	}
}

func TestSaysWhatIsNotAnnounced(t *testing.T) {
	t.Parallel()
	if find(t, newRecord(t), rejected, Options{}).Decisions[0].Announced {
		t.Error("a decision at or after the published offset is shown as announced")
	}
}

func TestUnknownID(t *testing.T) {
	t.Parallel()
	_, err := Find(t.Context(), newRecord(t), uuid.MustParse("00000000-0000-4000-8000-00000000000f"), Options{})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("an id without an application: %v, want ErrNotFound", err)
	}
}

func TestParseID(t *testing.T) {
	t.Parallel()
	for _, s := range []string{approved, strings.ToUpper(approved)} {
		if id, err := ParseID(s); err != nil || id.String() != approved {
			t.Errorf("%s is read as %s: %v", s, id, err)
		}
	}
	for _, s := range []string{"", "285010112341", "{" + approved + "}", "urn:uuid:" + approved, strings.ReplaceAll(approved, "-", "")} {
		if _, err := ParseID(s); err == nil {
			t.Errorf("%q is accepted as an id", s)
		}
	}
}

// newRecord returns a record that holds the applications of testdata/show.sql.
func newRecord(t *testing.T) *pgxpool.Pool {
	t.Helper()
	db := postgrestest.New(t)
	if _, err := db.Exec(t.Context(), texttest.Read(t, "testdata/show.sql")); err != nil {
		t.Fatal(err)
	}
	return db
}
