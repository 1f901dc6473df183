package schema

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

var errNotDigits = errors.New("not twelve digits")

// civilIDVectors are the public test numbers, and three of our own for errors that the
// check digit does not find.
var civilIDVectors = []struct {
	number string
	want   error
	note   string
}{
	{"291030104196", nil, "idnumbers; born 1991-03-01"},
	{"279040907388", nil, "idnumbers"},
	{"288070804106", nil, "idnumbers"},
	{"291030104197", ErrCivilIDCheckDigit, "idnumbers"},
	{"282040701483", nil, "django-localflavor"},
	{"300092400929", nil, "django-localflavor; born 2000-09-24"},
	{"304022600325", nil, "django-localflavor; born 2004-02-26"},
	{"289332013455", ErrCivilIDBirthDate, "django-localflavor; month 33, and the check digit"},
	{"300000000005", ErrCivilIDBirthDate, "django-localflavor; the check digit passes, the date is 00-00"},
	{"289332Ol3455", errNotDigits, "django-localflavor; letters"},
	{"2*9332013455", errNotDigits, "django-localflavor; a star"},
	{"288020122596", nil, "cid.py"},
	{"227081660516", nil, "cid.py; born 1927-08-16"},
	{"292091998298", nil, "cid.py"},
	{"292091998297", ErrCivilIDCheckDigit, "cid.py"},
	{"29209199829", errNotDigits, "cid.py; eleven digits"},
	{"288200122596", ErrCivilIDBirthDate, "cid.py; month 20"},
	{"261030104199", nil, "ours: digits 2 and 12 of 291030104196 swapped, which the check digit does not see"},
}

func TestCivilIDVectors(t *testing.T) {
	for _, v := range civilIDVectors {
		if got := checkCivilID(v.number); !errors.Is(got, v.want) {
			t.Errorf("%s (%s): %v, want %v", v.number, v.note, got, v.want)
		}
	}
}

func checkCivilID(number string) error {
	id, err := ParseCivilID(number)
	if err != nil {
		return errNotDigits
	}
	return id.Check()
}

// Two numbers whose weighted sum leaves 0 and 1: no check digit makes them valid, also
// not 0, which some implementations accept for the remainder 0.
func TestCivilIDWithoutACheckDigit(t *testing.T) {
	for _, first := range []string{"29001010007", "29001010002"} {
		for check := range 10 {
			number := fmt.Sprint(first, check)
			if err := checkCivilID(number); !errors.Is(err, ErrCivilIDCheckDigit) {
				t.Errorf("%s: %v, want a wrong check digit", number, err)
			}
		}
	}
}

func TestCivilIDCentury(t *testing.T) {
	for _, number := range []string{"191030104196", "491030104196", "091030104196", "991030104196"} {
		if err := checkCivilID(number); !errors.Is(err, ErrCivilIDCentury) {
			t.Errorf("%s: %v, want a wrong century", number, err)
		}
	}
}

func TestCivilIDStatesABirthDate(t *testing.T) {
	for id, want := range map[CivilID]Date{
		291030104196: NewDate(1991, time.March, 1),
		300092400929: NewDate(2000, time.September, 24),
		227081660516: NewDate(1927, time.August, 16),
	} {
		if got, ok := id.BirthDate(); !ok || got != want {
			t.Errorf("%d: %s, %t, want %s", id, got, ok, want)
		}
	}
	for _, id := range []CivilID{300022900000, 200022900000, 301022900000} {
		leap := id == 300022900000 // 2000 had a 29 February; 1900 and 2001 had none
		if _, ok := id.BirthDate(); ok != leap {
			t.Errorf("%d: a date: %t, want %t", id, ok, leap)
		}
	}
}

func TestNewCivilIDIsValidOrNone(t *testing.T) {
	none := 0
	birth := NewDate(1991, time.March, 1)
	for serial := range 10_000 {
		id, ok := NewCivilID(birth, serial)
		if !ok {
			none++
			continue
		}
		if got, _ := id.BirthDate(); id.Check() != nil || got != birth || int(id/10%10_000) != serial {
			t.Fatalf("serial %d: %d, %v", serial, id, id.Check())
		}
	}
	if none < 1700 || none > 1900 {
		t.Errorf("%d of 10000 serials have no check digit, want about 2 of 11", none)
	}
}

func TestNewCivilIDRefusesWhatItCannotWrite(t *testing.T) {
	good := NewDate(1991, time.March, 1)
	for _, c := range []struct {
		birth  Date
		serial int
	}{{good, -1}, {good, 10_000}, {NewDate(1899, time.December, 31), 1}, {NewDate(2100, time.January, 1), 1}} {
		if id, ok := NewCivilID(c.birth, c.serial); ok {
			t.Errorf("born %s, serial %d: %d", c.birth, c.serial, id)
		}
	}
}

func TestCivilIDIsWrittenWithTwelveDigits(t *testing.T) {
	for id, want := range map[CivilID]string{0: "000000000000", 5: "000000000005", 291030104196: "291030104196", 999999999999: "999999999999"} {
		if got := id.String(); got != want {
			t.Errorf("%d: %q, want %q", uint64(id), got, want)
		}
	}
}

func TestCivilIDStaysOutOfLogs(t *testing.T) {
	const id CivilID = 291030104196
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var log bytes.Buffer
		logger := slog.New(handler(&log)).With("resident", id)
		logger.Info("decided", "civil_id", id, slog.Group("who", "id", id))
		if strings.Contains(log.String(), id.String()) || !strings.Contains(log.String(), "************") {
			t.Errorf("%s: %s", name, log.String())
		}
	}
}
