package schema

import (
	"testing"
	"time"
)

func TestParseDateReadsTheCalendar(t *testing.T) {
	for s, want := range map[string]bool{
		"2026-02-28": true, "2026-02-29": false, "2028-02-29": true, "2100-02-29": false, "2000-02-29": true,
		"2026-04-30": true, "2026-04-31": false, "2026-12-31": true, "2026-00-01": false, "2026-13-01": false,
		"2026-01-00": false, "2026-01-32": false, "2026-1-01": false, "2026-01-1": false, "2026/01/01": false,
		"": false, "2026-01-01\t": false, "+026-01-01": false, "٢٠٢٦": false,
	} {
		d, err := ParseDate(s)
		if (err == nil) != want || want && d.String() != s {
			t.Errorf("%q: %s, %v, want readable: %t", s, d, err, want)
		}
	}
}

func TestEveryDateOfAMessageIsItsOwnText(t *testing.T) {
	want := MinDate.Time()
	for d := MinDate; d <= MaxDate; d++ {
		text := want.Format(time.DateOnly)
		if got, err := ParseDate(text); err != nil || got != d || d.String() != text {
			t.Fatalf("%s: %d, %v, want %d", text, got, err, d)
		}
		want = want.AddDate(0, 0, 1)
	}
}

// Kuwait is three hours ahead of UTC: the day there begins while it is still
// yesterday in UTC.
func TestDateOfAnInstantIsTheDayInKuwait(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-31T20:59:59.999Z":  "2026-01-31",
		"2026-01-31T21:00:00Z":      "2026-02-01",
		"2026-02-01T00:00:00+03:00": "2026-02-01",
		"2025-12-31T21:00:00Z":      "2026-01-01",
		"1969-12-31T21:00:00Z":      "1970-01-01",
		"1969-12-31T20:59:59Z":      "1969-12-31",
	} {
		at, err := time.Parse(time.RFC3339, text)
		if got := DateOf(at).String(); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", text, got, want, err)
		}
	}
}

func TestAddMonthsStaysInTheMonth(t *testing.T) {
	for _, c := range []struct {
		from   string
		months int
		want   string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2028-02-29", 12, "2029-02-28"},
		{"2026-02-19", 12, "2027-02-19"},
		{"2026-12-31", 2, "2027-02-28"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-08-31", 180, "2041-08-31"},
		{"1969-12-31", 1, "1970-01-31"},
	} {
		from, err := ParseDate(c.from)
		if got := from.AddMonths(c.months).String(); err != nil || got != c.want {
			t.Errorf("%s and %d months: %s, want %s (%v)", c.from, c.months, got, c.want, err)
		}
	}
}

func TestAddDaysCrossesYears(t *testing.T) {
	if got := NewDate(2026, time.December, 31).AddDays(1).String(); got != "2027-01-01" {
		t.Error(got)
	}
}
