package schema

import "testing"

func TestFilsAreWrittenInDinars(t *testing.T) {
	for amount, want := range map[Fils]string{
		0:          "KWD 0.000",
		1:          "KWD 0.001",
		20 * Dinar: "KWD 20.000",
		12_345:     "KWD 12.345",
		-250:       "KWD -0.250",
		-1_500:     "KWD -1.500",
		MaxFils:    "KWD 100000.000",
	} {
		if got := amount.String(); got != want {
			t.Errorf("%d fils: %q, want %q", int64(amount), got, want)
		}
	}
}
