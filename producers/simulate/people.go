package simulate

import (
	"math/rand/v2"

	"tajdeed/schema"
)

// numbers assigns Civil IDs, each once: for each birth date the next serial that has a
// check digit. Serials from firstUnassigned on are never assigned.
type numbers struct {
	first   schema.Date // the earliest birth date
	serials []uint16    // the next serial, by days since first
}

const (
	oldest          = 90 // years
	daysPerYear     = 365
	firstUnassigned = 9_000
)

func newNumbers(today schema.Date) *numbers {
	first := today.AddDays(-(oldest + 1) * daysPerYear)
	return &numbers{first: first, serials: make([]uint16, int(today-first)+1)}
}

// next returns a number for a birth date, or for another one drawn at random where that
// has no serial left.
func (n *numbers) next(rng *rand.Rand, birth schema.Date) schema.CivilID {
	for {
		serial := &n.serials[birth-n.first]
		for *serial < firstUnassigned {
			id, ok := schema.NewCivilID(birth, int(*serial))
			if *serial++; ok {
				return id
			}
		}
		birth = n.first.AddDays(rng.IntN(len(n.serials)))
	}
}

// unassignedCivilID returns a valid number that no resident has.
func (s *Simulation) unassignedCivilID() schema.CivilID {
	for {
		birth := s.config.Start.AddDays(-20*daysPerYear - s.rng.IntN(40*daysPerYear))
		if id, ok := schema.NewCivilID(birth, firstUnassigned+s.rng.IntN(1000)); ok {
			return id
		}
	}
}

// ages are those of a residency's holders, in years: from the youngest on, over a span.
type ages struct{ from, span int }

// birth draws a birth date that fits the residency. The spans are assumed, except for
// article 20, whose visas ask for 21 to 60 years (R-AGE-DOM), and for sons of up to 21
// (R-CHILD-1).
func (s *Simulation) birth(r *resident) schema.Date {
	span := ages{22, 40}
	switch {
	case r.relation == schema.RelationSpouseOrChild && s.chance(0.6):
		span = ages{0, 21}
	case r.relation == schema.RelationSpouseOrChild:
		span = ages{20, 40}
	case r.relation == schema.RelationOtherRelative:
		span = ages{50, 35}
	case r.article == 20:
		span = ages{21, 39}
	case r.article == 23:
		span = ages{18, 10}
	case r.article == 24:
		span = ages{55, 30}
	}
	return s.config.Start.AddDays(-span.from*daysPerYear - 1 - s.rng.IntN(span.span*daysPerYear))
}

// passport makes a resident's passport from the seed and the resident's index, so that
// it need not be kept.
func (s *Simulation) passport(i int) schema.Passport {
	r := &s.population.residents[i]
	bits := mix(s.config.Seed, uint64(i))
	number := [8]byte{'A' + byte(bits%26)}
	bits /= 26
	for at := 1; at < len(number); at++ {
		number[at] = '0' + byte(bits%10)
		bits /= 10
	}
	return schema.Passport{
		Number:    string(number[:]),
		Country:   nations[r.nation].value,
		ExpiresOn: r.passportExpires,
	}
}

// mix makes well spread bits from two numbers (the finaliser of SplitMix64).
func mix(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
