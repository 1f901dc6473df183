package schema

import (
	"strings"
	"testing"
	"time"
)

// However long a reason is, the notice that tells it can be read, and says what fits.
func TestANoticeSaysWhatFits(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, field, found   string
		wantField, wantFound string
	}{
		{"short", "fee.amount_fils", "a string", "fee.amount_fils", "a string"},
		{"none", "", "", "", ""},
		{"long", strings.Repeat("f", 201), strings.Repeat("d", 501), strings.Repeat("f", 200), strings.Repeat("d", 500)},
		{"a character at the limit", strings.Repeat("f", 199) + "ج", "", strings.Repeat("f", 199), ""},
		{"no text", "a\xff", "\xd8", "a", ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cause := Position{Topic: "t", Partition: 3, Offset: 5}
			u := NewUnreadable(cause, time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), &Error{Field: tc.field, Rule: RuleNotJSON, Detail: tc.found})
			got, err := DecodeUnreadable(u.AppendJSON(nil))
			if err != nil || got.Field != tc.wantField || got.Found != tc.wantFound || got.Cause != cause || got.Revision != FirstRevision {
				t.Errorf("the notice says %+v, %v", got, err)
			}
		})
	}
}
