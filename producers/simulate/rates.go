package simulate

import "tajdeed/schema"

// rates are the chances that follow from the configured shares.
type rates struct {
	noResidency   float64 // of a resident to have no residency
	passportOver  float64 // of a passport to have expired when the resident applies
	passportShort float64 // of a passport to expire within the period asked for
	early, late   float64 // of applying before the window opens or after the expiry
	flaw          float64 // of an application to be wrong in itself
	leave         float64 // of a rejected resident who cannot put it right not to apply again

	duplicate, conflict, reuse, unreadable float64 // for each first application

	heads []share[schema.Article] // of the articles of families' heads
}

// newRates divides the configured rejections among their causes; the parts are
// assumed. They add up to a little more than 1, because an application that is sent
// again after a rejection is mostly right.
func newRates(c Config) rates {
	firsts := 1 - c.Duplicates - c.Conflicts - c.Reused - c.Unreadable
	r := rates{
		noResidency:   c.Rejected * 0.04,
		passportOver:  c.Rejected * 0.05,
		passportShort: c.Rejected * 0.10,
		early:         c.Rejected * 0.09,
		late:          c.Rejected * 0.07,
		flaw:          c.Rejected * 0.76,
		leave:         0.8,
		duplicate:     c.Duplicates / firsts,
		conflict:      c.Conflicts / firsts,
		reuse:         c.Reused / firsts,
		unreadable:    c.Unreadable / firsts,
		heads: []share[schema.Article]{
			{18, 8000}, {17, 1500}, {19, 150}, {24, 150}, {23, 150},
		},
	}
	if c.Rejected > 0 {
		// For the family of a head on a temporary residency there is no price (R-SPON-2).
		r.heads = append(r.heads, share[schema.Article]{temporary, 50})
	}
	return r
}
