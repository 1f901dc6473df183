package show

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// The applications of testdata/show.sql.
const (
	approved = "00000000-0000-4000-8000-000000000001"
	rejected = "00000000-0000-4000-8000-000000000002"
	unknown  = "00000000-0000-4000-8000-000000000003"
	unread   = "00000000-0000-4000-8000-000000000004"
	late     = "00000000-0000-4000-8000-000000000005"
	nothing  = "00000000-0000-4000-8000-00000000000f"
)

func TestReport(t *testing.T) {
	t.Parallel()
	db := newRecord(t)
	both := Options{English: true, Arabic: true}
	for name, c := range map[string]struct {
		id      string
		options Options
	}{
		"approved.txt":    {approved, both},
		"rejected.txt":    {rejected, both},
		"rejected-ar.txt": {rejected, Options{Arabic: true}},
		"rejected-en.txt": {rejected, Options{English: true}},
		"unknown.txt":     {unknown, both},
		"unreadable.txt":  {unread, both},
		"late.txt":        {late, both},
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
	// What the record holds of the person and must not be passed on.
	for _, secret := range []string{
		"285010112341", "299123198765", "123456789", "987654321", "Z1234567", "P7654321", "IND", "2031-05-01", "clerk-7", "KNET-1", "HI-1",
	} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is shown:\n%s", secret, out)
		}
	}
	var s Found
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Decisions) != 3 {
		t.Fatalf("%d decisions, want 3", len(s.Decisions))
	}
	if s.Status != Decided || s.Simulation || s.Application.SponsorID != "*****6789" || len(s.Unreadable) != 1 {
		t.Errorf("status %s, %d unreadable, application %+v", s.Status, len(s.Unreadable), s.Application)
	}
	first, conflict := s.Decisions[0], s.Decisions[2]
	if first.Disposition != "first" || first.Outcome != "approved" || first.FeeDue != 20000 || *first.NewExpiry != "2027-12-01" || !first.Announced {
		t.Errorf("first decision: %+v", first)
	}
	if conflict.CivilID != "********8765" || conflict.Reasons[0].English == "" || conflict.Reasons[0].Arabic == "" {
		t.Errorf("conflict: %+v", conflict)
	}
}

func TestJSONSaysTheFine(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	if err := find(t, newRecord(t), late, Options{}).WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var s struct {
		Decisions []struct {
			Fee  int `json:"fee_due_fils"`
			Fine int `json:"fine_due_fils"`
			Paid int `json:"fee_paid_fils"`
		}
	}
	if err := json.Unmarshal([]byte(text.String()), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Decisions) != 1 || s.Decisions[0].Fee != 20000 || s.Decisions[0].Fine != 4000 || s.Decisions[0].Paid != 24000 {
		t.Errorf("%+v in\n%s", s.Decisions, text.String())
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
	_, err := Find(t.Context(), newRecord(t), uuid.MustParse(nothing), Options{})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("an id without an application: %v, want ErrNotFound", err)
	}
}

// A simulation says what it is, in every report.
func TestSimulationSaysSo(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	if err := postgres.Simulate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), texttest.Read(t, "testdata/show.sql")); err != nil {
		t.Fatal(err)
	}
	found := find(t, db, unread, Options{})
	if !found.Simulation || !strings.Contains(found.Text(), "SIMULATION") {
		t.Errorf("%t:\n%s", found.Simulation, found.Text())
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
