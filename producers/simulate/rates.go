package simulate

import "tajdeed/schema"

// rates are the chances that follow from the configured shares.
type rates struct {
	without       float64 // of a resident to have no residency
	passportOver  float64 // of a passport to have run out when the resident applies
	passportShort float64 // of a passport to run out within the period asked for
	early, late   float64 // of applying before the window opens or after the expiry
	flaw          float64 // of an application to be wrong in itself
	leave         float64 // of who can't be helped here not to try again

	duplicate, conflict, unreadable float64 // for each first application

	heads []share[schema.Article] // of the articles of families' heads
}

// newRates shares the rejections out among their causes; the parts are assumed.
// They add up to a little more than 1, for what is sent again is mostly right.
func newRates(c Config) rates {
	firsts := 1 - c.Duplicates - c.Conflicts - c.Unreadable
	r := rates{
		without:       c.Rejected * 0.04,
		passportOver:  c.Rejected * 0.05,
		passportShort: c.Rejected * 0.10,
		early:         c.Rejected * 0.09,
		late:          c.Rejected * 0.07,
		flaw:          c.Rejected * 0.76,
		leave:         0.8,
		duplicate:     c.Duplicates / firsts,
		conflict:      c.Conflicts / firsts,
		unreadable:    c.Unreadable / firsts,
		heads: []share[schema.Article]{
			{18, 8000}, {17, 1500}, {19, 150}, {24, 150}, {23, 150},
		},
	}
	if c.Rejected > 0 {
		// A head on a temporary residency has no price for the family (R-SPON-2).
		r.heads = append(r.heads, share[schema.Article]{temporary, 50})
	}
	return r
}
