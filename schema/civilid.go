package schema

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// CivilID is the 12-digit number of the Public Authority for Civil Information:
// century, birth date, serial and check digit (C YY MM DD SSSS K). It is a number
// because the record's keys are numbers; the leading digit of a valid one is never
// zero.
type CivilID uint64

// civilIDDigits is the length of a Civil ID as it is written.
const civilIDDigits = 12

// civilIDWeights weigh the first eleven digits for the check digit, as published
// (math.stackexchange.com 672303; django-localflavor, idnumbers).
var civilIDWeights = [civilIDDigits - 1]uint64{2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}

// Errors of [CivilID.Check].
var (
	ErrCivilIDCentury    = errors.New("its first digit, the century of birth, is neither 2 nor 3")
	ErrCivilIDBirthDate  = errors.New("its digits 2 to 7 are not a birth date")
	ErrCivilIDCheckDigit = errors.New("its check digit is wrong")
)

// ParseCivilID reads twelve ASCII digits. It does not check the digits' meaning:
// see [CivilID.Check].
func ParseCivilID(s string) (CivilID, error) {
	id, ok := parseCivilID(s)
	if !ok {
		return 0, fmt.Errorf("a Civil ID is %d digits", civilIDDigits)
	}
	return id, nil
}

func parseCivilID(s string) (CivilID, bool) {
	if len(s) != civilIDDigits {
		return 0, false
	}
	n, ok := digits(s)
	return CivilID(n), ok
}

// Check says whether the number can be one that the Authority issued: its
// century, birth date and check digit. A weighted sum that leaves the remainder
// 0 or 1 has no check digit of one figure, so no such number is valid. Published
// implementations differ on the remainder 0; here it is refused.
//
// The published weights of digits 2 and 12 are equal, so the check digit does not
// find those two swapped.
func (id CivilID) Check() error {
	if century := id / 1e11; century != 2 && century != 3 {
		return ErrCivilIDCentury
	}
	if _, ok := id.BirthDate(); !ok {
		return ErrCivilIDBirthDate
	}
	check, ok := id.checkDigit()
	if !ok || check != uint64(id%10) {
		return ErrCivilIDCheckDigit
	}
	return nil
}

// BirthDate returns the birth date that the number states, and whether the
// calendar has it.
func (id CivilID) BirthDate() (Date, bool) {
	century := int(id / 1e11)
	year := 1700 + century*100 + int(id/1e9%100)
	month, day := int(id/1e7%100), int(id/1e5%100)
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	return NewDate(year, time.Month(month), day), true
}

// checkDigit computes the check digit of the first eleven digits, and whether
// there is one.
func (id CivilID) checkDigit() (uint64, bool) {
	sum, left := uint64(0), uint64(id/10)
	for i := len(civilIDWeights) - 1; i >= 0; i-- {
		sum += left % 10 * civilIDWeights[i]
		left /= 10
	}
	check := 11 - sum%11
	return check, check < 10
}

// NewCivilID builds the number of a birth date and a serial (0 to 9999), and
// whether those two have a valid one.
func NewCivilID(birth Date, serial int) (CivilID, bool) {
	year, month, day := birth.Time().Date()
	if year < 1900 || year > 2099 || serial < 0 || serial > 9999 {
		return 0, false
	}
	id := uint64(year/100-17)*1e11 + uint64(year%100)*1e9 + uint64(month)*1e7 + uint64(day)*1e5 + uint64(serial)*10
	check, ok := CivilID(id).checkDigit()
	return CivilID(id + check), ok
}

// String returns the twelve digits. They are personal data: they belong in the
// record and in a message's key, not in a log.
func (id CivilID) String() string { return string(id.Append(nil)) }

// Append appends the twelve digits.
func (id CivilID) Append(dst []byte) []byte {
	for unit := uint64(1e11); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+uint64(id)/unit%10))
	}
	return dst
}

// LogValue keeps the number out of logs, whoever passes it to one.
func (id CivilID) LogValue() slog.Value { return slog.StringValue("************") }
