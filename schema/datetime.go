package schema

import "time"

// A date-time of a message is RFC 3339 with a capital T and Z, seconds up to 59
// (no clock here counts leap seconds) and at most nine digits of a fraction, as many
// as a Go time has. The offset is used to compute the instant and is then dropped:
// times are stored and written in UTC. [time.Time.UnmarshalText] also accepts
// 09:30:00,5Z, +24:00 and +03:60, which are not RFC 3339.

// parseDateTime reads a date-time. The rule is empty where there is nothing wrong.
func parseDateTime(s string) (time.Time, Rule) {
	const dateLen, clockLen = len("2006-01-02"), len("T15:04:05")
	if len(s) < dateLen+clockLen+1 {
		return time.Time{}, RuleBadFormat
	}
	date, ok1 := parseDate(s[:dateLen])
	clock, ok2 := parseClock(s[dateLen : dateLen+clockLen])
	nanos, zone, ok3 := parseFraction(s[dateLen+clockLen:])
	offset, ok4 := parseOffset(zone)
	switch {
	case !ok1 || !ok2 || !ok3 || !ok4:
		return time.Time{}, RuleBadFormat
	case leavesRange(date, zone[0]):
		return time.Time{}, RuleOutOfRange
	}
	return time.Unix(int64(date)*secondsPerDay+int64(clock-offset), int64(nanos)).UTC(), ""
}

// leavesRange says whether a date is outside the years of a message, or might be in UTC:
// then the instant could not be written in UTC and read again.
func leavesRange(date Date, sign byte) bool {
	return date < MinDate || date > MaxDate ||
		date == MinDate && sign == '+' || date == MaxDate && sign == '-'
}

// parseClock reads T15:04:05 as a second of the day.
func parseClock(s string) (second int, ok bool) {
	if s[0] != 'T' || s[6] != ':' {
		return 0, false
	}
	minutes, ok1 := parseHourMinute(s[1:6])
	seconds, ok2 := digits(s[7:9])
	return minutes*60 + seconds, ok1 && ok2 && seconds <= 59
}

// parseHourMinute reads 15:04 as a minute of the day.
func parseHourMinute(s string) (minute int, ok bool) {
	if len(s) != len("15:04") || s[2] != ':' {
		return 0, false
	}
	hours, ok1 := digits(s[:2])
	minutes, ok2 := digits(s[3:])
	return hours*60 + minutes, ok1 && ok2 && hours <= 23 && minutes <= 59
}

// parseFraction reads the fraction of a second, if there is one, and returns the offset
// that follows.
func parseFraction(s string) (nanos int, offset string, ok bool) {
	if s[0] != '.' {
		return 0, s, true
	}
	end := 1
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	n, ok := digits(s[1:min(end, 10)])
	for range 10 - min(end, 10) {
		n *= 10
	}
	return n, s[end:], ok && end > 1 && end <= 10
}

// parseOffset reads Z or +03:00 as seconds.
func parseOffset(s string) (seconds int, ok bool) {
	switch {
	case s == "Z":
		return 0, true
	case s == "" || s[0] != '+' && s[0] != '-':
		return 0, false
	}
	minutes, ok := parseHourMinute(s[1:])
	if s[0] == '-' {
		minutes = -minutes
	}
	return minutes * 60, ok
}

// appendDateTime writes an instant in UTC, as precise as it is.
func appendDateTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, time.RFC3339Nano)
}

// appendMicros writes an instant in UTC, cut to the microsecond, which is what
// Postgres keeps: what a consumer reads from a topic is what the record says.
func appendMicros(dst []byte, t time.Time) []byte {
	return appendDateTime(dst, t.Truncate(time.Microsecond))
}
