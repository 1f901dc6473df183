package simulate

import (
	"errors"
	"fmt"
	"iter"

	"tajdeed/schema"
	"tajdeed/schema/extract"
)

// errBegun says that the register is no longer that before the first message.
var errBegun = errors.New("the simulation has begun: its extract is the register before the first message")

// WriteExtract writes the register at go-live into a directory, as `tajdeed import`
// reads it. It must be called before the first Next.
func (s *Simulation) WriteExtract(dir string) error {
	if s.tally.messages > 0 {
		return errBegun
	}
	w, err := extract.Create(dir, extract.FormatNDJSON)
	if err != nil {
		return err
	}
	written := s.writeRegister(w)
	if err := w.Close(); err != nil {
		return err
	}
	return written
}

// writeRegister ends at the first error. The writer keeps it too, and its Close returns it.
func (s *Simulation) writeRegister(w *extract.Writer) error {
	p := &s.population
	for i, from := range p.sponsors {
		if err := w.Sponsor(schema.Sponsor{ID: p.id(uint32(i)), Kind: from.kind, Article: from.article}); err != nil {
			return fmt.Errorf("sponsor %d: %w", i, err)
		}
	}
	for i := range p.residents {
		if err := w.Resident(schema.Resident{CivilID: p.residents[i].civilID, Passport: s.passport(i)}); err != nil {
			return fmt.Errorf("resident %d: %w", i, err)
		}
	}
	for residency := range s.residencies() {
		if err := w.Residency(residency); err != nil {
			return fmt.Errorf("residency: %w", err)
		}
	}
	return nil
}

// residencies yields the residencies as they are expected to be now.
func (s *Simulation) residencies() iter.Seq[schema.Residency] {
	return func(yield func(schema.Residency) bool) {
		for i := range s.population.residents {
			r := &s.population.residents[i]
			if !r.noResidency && !yield(s.population.residency(r)) {
				return
			}
		}
	}
}

func (p *population) residency(r *resident) schema.Residency {
	return schema.Residency{
		CivilID:   r.civilID,
		Article:   r.article,
		SponsorID: p.id(r.sponsor),
		Relation:  r.relation,
		ExpiresOn: r.expiresOn,
	}
}
