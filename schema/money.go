package schema

import "fmt"

// Fils is an amount of money in fils, a thousandth of a Kuwaiti dinar. Money is
// never a fraction and never a float here.
type Fils int64

// Dinar is 1,000 fils (KWD, ISO 4217, three decimal places).
const Dinar Fils = 1000

// MaxFils is the largest amount that a message may carry: KWD 100,000.
const MaxFils = 100_000 * Dinar

// String returns the amount in dinars: "KWD 20.000".
func (f Fils) String() string {
	sign := ""
	if f < 0 {
		sign, f = "-", -f
	}
	return fmt.Sprintf("KWD %s%d.%03d", sign, f/Dinar, f%Dinar)
}
