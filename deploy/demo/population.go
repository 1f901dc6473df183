package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tajdeed/dashboards/text"
	"tajdeed/producers/simulate"
	"tajdeed/schema/extract"
	"tajdeed/schema/postgres"
)

// progress is what the data folder says of its population: another start goes on with the
// same one, where it stopped.
type progress struct {
	Seed      uint64 `json:"seed"`
	Residents int    `json:"residents"`
	Published int64  `json:"published"` // messages, by all runs
}

func (s *system) progressFile() string { return filepath.Join(s.at.Data, "simulation.json") }

// writeProgress writes down how far the simulation has come.
func (s *system) writeProgress() error {
	p := s.progress
	p.Published += s.published.Load()
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write down how far the simulation is: %w", err)
	}
	if err := os.WriteFile(s.progressFile(), body, 0o600); err != nil {
		return fmt.Errorf("write down how far the simulation is: %w", err)
	}
	return nil
}

// readProgress reads what an earlier start left, if the record holds its population.
func (s *system) readProgress(ctx context.Context) (p progress, found bool, err error) {
	var imported bool
	if err := s.postgres.QueryRow(ctx, `SELECT EXISTS (SELECT FROM register_import)`).Scan(&imported); err != nil {
		return p, false, fmt.Errorf("look for a population: %w", err)
	}
	body, err := os.ReadFile(s.progressFile())
	switch {
	case !imported || errors.Is(err, os.ErrNotExist):
		return p, false, nil
	case err != nil:
		return p, false, fmt.Errorf("read how far the simulation is: %w", err)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, false, fmt.Errorf("read how far the simulation is: %s: %w", s.progressFile(), err)
	}
	return p, true, nil
}

// populate makes the population, imports it where it is new, and goes on in its stream
// where an earlier start stopped.
func (s *system) populate(ctx context.Context, c Config) error {
	earlier, found, err := s.readProgress(ctx)
	if err != nil {
		return err
	}
	s.progress = c.newPopulation()
	if found {
		if err := c.accept(earlier); err != nil {
			return err
		}
		s.progress = earlier
	}
	c.say(fmt.Sprintf("making a population of %s residents, seed %d", text.Thousands(s.progress.Residents), s.progress.Seed))
	s.simulation, err = simulate.New(simulate.Config{Seed: s.progress.Seed, Residents: s.progress.Residents})
	if err != nil {
		return err
	}
	if !found {
		return s.importPopulation(ctx, c)
	}
	return s.simulation.Skip(ctx, earlier.Published)
}

// newPopulation is the one that is asked for where the data folder has none.
func (c Config) newPopulation() progress {
	p := progress{Seed: DefaultSeed, Residents: c.Residents}
	if c.Seed != nil {
		p.Seed = *c.Seed
	}
	if p.Residents == 0 {
		p.Residents = max(DefaultResidents, int(c.Applications))
	}
	return p
}

// ErrOtherPopulation says that the data folder holds another population than the one that
// is asked for.
var ErrOtherPopulation = errors.New("the data folder holds another population")

// accept refuses to go on with another population than the one that is there.
func (c Config) accept(there progress) error {
	if c.Seed != nil && *c.Seed != there.Seed || c.Residents != 0 && c.Residents != there.Residents {
		return fmt.Errorf("%w: of %d residents, by seed %d", ErrOtherPopulation, there.Residents, there.Seed)
	}
	return nil
}

// importPopulation writes the population as an extract and imports that, as a ministry
// would at go-live.
func (s *system) importPopulation(ctx context.Context, c Config) error {
	dir := filepath.Join(s.at.Data, "extract")
	if err := s.simulation.WriteExtract(dir); err != nil {
		return err
	}
	c.say("importing it from the extract in " + dir)
	if err := s.importExtract(ctx, c, dir); err != nil {
		return err
	}
	return s.writeProgress()
}

// importPasses is how often an import reads its extract.
const importPasses = 3

func (s *system) importExtract(ctx context.Context, c Config, dir string) error {
	e, err := extract.Open(dir)
	if err != nil {
		return err
	}
	add, finish := c.bar(importPasses*e.Size(), "importing", true)
	defer finish()
	e.Observe(add)
	_, err = postgres.ImportRegister(ctx, s.postgres, e, postgres.ImportOptions{
		BadLine: func(_ *extract.Record, wrong *extract.LineError) error { return wrong },
	})
	return err
}
