package schema

import (
	"fmt"
	"time"
)

// Kuwait is the calendar that every rule reads: Asia/Kuwait, UTC+3, which has
// never had daylight saving. It is fixed here so that no machine's time zone
// database can change a decision.
var Kuwait = time.FixedZone("Asia/Kuwait", 3*60*60)

// Date is a civil date of the calendar in Kuwait, counted in days since
// 1970-01-01. It has no time and no zone: an expiry or a birth date is a day of
// the calendar, not an instant.
type Date int32

// The dates that a message may carry. Years of four digits, as RFC 3339 writes
// them, from the first year that a Civil ID of this register can name.
var (
	MinDate = NewDate(1900, time.January, 1)
	MaxDate = NewDate(2199, time.December, 31)
)

const secondsPerDay = 24 * 60 * 60

// NewDate returns the date of a year, month and day, normalised as [time.Date]
// does it.
func NewDate(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// DateOf returns the date on which an instant falls in Kuwait.
func DateOf(t time.Time) Date {
	year, month, day := t.In(Kuwait).Date()
	return NewDate(year, month, day)
}

// ParseDate reads a date written as YYYY-MM-DD. A date that the calendar does
// not have (2026-02-30) is an error.
func ParseDate(s string) (Date, error) {
	d, ok := parseDate(s)
	if !ok {
		return 0, fmt.Errorf("not a date of the calendar written YYYY-MM-DD")
	}
	return d, nil
}

func parseDate(s string) (Date, bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return civilDate(year, month, day), true
}

// daysBefore are the days of a year before each month, without a leap day.
var daysBefore = [13]int{1: 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}

// civilDate is a faster [NewDate] for a date that the calendar has, of the years 0 to
// 9999: there is nothing to normalise.
func civilDate(year, month, day int) Date {
	const unixEpoch = 719_162 + 146_097 // days before 1970 from the year 1, and those of 400 years
	past := year + 399                  // years, so that none is negative
	days := past*365 + past/4 - past/100 + past/400 + daysBefore[month] + day - 1
	if month > 2 && daysIn(year, 2) == 29 {
		days++
	}
	return Date(days - unixEpoch)
}

// digits reads a run of ASCII digits.
func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int(c)
	}
	return n, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// Time returns midnight UTC of the date, which is what the database drivers accept for
// a column of type date.
func (d Date) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// AddDays returns the date n days later.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// AddMonths returns the same day n months later, or the last day of that month
// where it is shorter: 31 January and one month is 28 or 29 February. A
// residency's months are counted so (the rule's text names no day of month).
func (d Date) AddMonths(n int) Date {
	year, month, day := d.Time().Date()
	first := time.Date(year, month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	return NewDate(first.Year(), first.Month(), min(day, daysIn(first.Year(), int(first.Month()))))
}

// String returns the date as YYYY-MM-DD.
func (d Date) String() string { return string(d.Append(nil)) }

// Append appends the date as YYYY-MM-DD.
func (d Date) Append(dst []byte) []byte { return d.Time().AppendFormat(dst, time.DateOnly) }
