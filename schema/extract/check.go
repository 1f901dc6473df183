package extract

import (
	"context"
	"errors"
	"iter"
)

// Census counts what an extract holds, by kind and without the bad lines.
type Census struct {
	Sponsors, Residents, Residencies int64
	Bad                              int64

	bad []place // in the order of a pass
}

// place is a line of one of an extract's files.
type place struct{ part, line int }

// Records returns the number of good records.
func (c *Census) Records() int64 { return c.Sponsors + c.Residents + c.Residencies }

// Check reads the whole extract and calls bad for each line that cannot be
// imported: one that is no record, repeats a key, or refers to a resident or
// sponsor that no good line before it holds. The record is valid during the call
// only. An error of bad, of ctx or of reading ends the check; so does a bad header
// row, whose [*LineError] is returned, because a whole file is missing then.
func (e *Extract) Check(ctx context.Context, bad func(*Record, *LineError) error) (*Census, error) {
	c := checker{sponsors: newIDSet(), residents: newIDSet()}
	for r, err := range e.Records() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		wrong, err := c.check(r, err)
		if err != nil {
			return nil, err
		}
		if wrong == nil {
			continue
		}
		if err := bad(r, wrong); err != nil {
			return nil, err
		}
	}
	return &c.census, nil
}

// Good yields the records of an extract that was checked, without its bad lines.
// The record is valid until the next one. An error is the last thing yielded.
func (e *Extract) Good(c *Census) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		bad := c.bad
		for r, err := range e.Records() {
			if r != nil && len(bad) > 0 && bad[0] == (place{r.part, r.Line}) {
				bad = bad[1:]
				continue
			}
			if err != nil {
				yield(nil, fileChanged(err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// fileChanged turns the error of a bad line into [ErrChanged]: the line was good when it
// was checked.
func fileChanged(err error) error {
	if _, ok := errors.AsType[*LineError](err); ok {
		return ErrChanged
	}
	return err
}

// checker is the state of a check.
type checker struct {
	sponsors  *idSet
	residents *idSet // marked where the resident has a residency
	census    Census
}

// check returns what is wrong with a line, or the error that ends the check.
func (c *checker) check(r *Record, err error) (*LineError, error) {
	wrong, ok := errors.AsType[*LineError](err)
	switch {
	case err != nil && (!ok || wrong.Rule == RuleBadHeader):
		return nil, err
	case err == nil:
		f := c.refer(r)
		if f == nil {
			return nil, nil
		}
		wrong = f.at(r)
	}
	c.census.Bad++
	c.census.bad = append(c.census.bad, place{r.part, r.Line})
	return wrong, nil
}

// refer checks a record's key and what it refers to, and counts it.
func (c *checker) refer(r *Record) *fault {
	switch r.Kind {
	case KindSponsor:
		if !c.sponsors.add(uint64(r.Sponsor.ID)) {
			return &fault{"sponsor_id", RuleDuplicateKey, "another sponsor has it"}
		}
		c.census.Sponsors++
	case KindResident:
		if !c.residents.add(uint64(r.Resident.CivilID)) {
			return &fault{"civil_id", RuleDuplicateKey, "another resident has it"}
		}
		c.census.Residents++
	case KindResidency:
		return c.referResidency(r)
	}
	return nil
}

func (c *checker) referResidency(r *Record) *fault {
	id := uint64(r.Residency.CivilID)
	switch {
	case !c.residents.has(id):
		return &fault{"civil_id", RuleUnknownResident, "no good line holds this resident"}
	case !c.sponsors.has(uint64(r.Residency.SponsorID)):
		return &fault{"sponsor_id", RuleUnknownSponsor, "no good line holds this sponsor"}
	case !c.residents.mark(id):
		return &fault{"civil_id", RuleDuplicateKey, "the resident has another residency"}
	}
	c.census.Residencies++
	return nil
}
