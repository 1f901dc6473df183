package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tajdeed/dashboards/text"
	"tajdeed/producers/simulate"
	"tajdeed/schema/extract"
	"tajdeed/schema/policy"
	"tajdeed/schema/postgres"
)

// progress is what the data folder says about its population. Another run goes on with the
// same population where this one stopped.
type progress struct {
	Seed      uint64 `json:"seed"`
	Residents int    `json:"residents"`
	Published int64  `json:"published"` // messages, by all runs
	// Policies are the versions in force by which its messages are right or wrong, from the oldest.
	Policies []string `json:"policies"`
}

func (i *installation) progressFile() string { return filepath.Join(i.at.Data, "simulation.json") }

// writeProgress writes how far the simulation is.
func (i *installation) writeProgress() error {
	p := i.progress
	p.Published += i.published.Load()
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write how far the simulation is: %w", err)
	}
	if err := os.WriteFile(i.progressFile(), body, 0o600); err != nil {
		return fmt.Errorf("write how far the simulation is: %w", err)
	}
	return nil
}

// readProgress reads what an earlier run wrote, if its population is in the register.
func (i *installation) readProgress(ctx context.Context) (p progress, found bool, err error) {
	var imported bool
	if err := i.postgres.QueryRow(ctx, `SELECT EXISTS (SELECT FROM register_import)`).Scan(&imported); err != nil {
		return p, false, fmt.Errorf("look for a population: %w", err)
	}
	body, err := os.ReadFile(i.progressFile())
	switch {
	case !imported || errors.Is(err, os.ErrNotExist):
		return p, false, nil
	case err != nil:
		return p, false, fmt.Errorf("read how far the simulation is: %w", err)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, false, fmt.Errorf("read how far the simulation is: %s: %w", i.progressFile(), err)
	}
	return p, true, nil
}

// populate makes the population. A new one it imports; of one that is there it skips the
// messages that earlier runs published.
func (i *installation) populate(ctx context.Context, c Config) error {
	earlier, found, err := i.readProgress(ctx)
	if err != nil {
		return err
	}
	i.progress = c.newPopulation()
	if found {
		if err := c.checkPopulation(earlier); err != nil {
			return err
		}
		i.progress = earlier
	}
	c.say(fmt.Sprintf("making a population of %s residents, seed %d", text.Thousands(i.progress.Residents), i.progress.Seed))
	i.simulation, err = simulate.New(simulate.Config{Seed: i.progress.Seed, Residents: i.progress.Residents, Policies: c.Policies})
	if err != nil {
		return err
	}
	if !found {
		return i.importPopulation(ctx, c)
	}
	return i.simulation.Skip(ctx, earlier.Published)
}

// newPopulation is the population to make where the data folder has none.
func (c Config) newPopulation() progress {
	p := progress{Seed: simulate.DefaultSeed, Residents: c.Residents, Policies: versions(c.Policies)}
	if c.Seed != nil {
		p.Seed = *c.Seed
	}
	if p.Residents == 0 {
		p.Residents = max(simulate.DefaultResidents, int(c.Applications))
	}
	return p
}

// ErrOtherPopulation says that the data folder holds another population than the one that
// is asked for.
var ErrOtherPopulation = errors.New("the data folder holds another population")

// checkPopulation refuses another population than the one that is there.
func (c Config) checkPopulation(there progress) error {
	if c.Seed != nil && *c.Seed != there.Seed || c.Residents != 0 && c.Residents != there.Residents {
		return fmt.Errorf("%w: of %d residents, by seed %d", ErrOtherPopulation, there.Residents, there.Seed)
	}
	if now := versions(c.Policies); !slices.Equal(now, there.Policies) {
		return fmt.Errorf("%w: its applications are made for the policies %s, and these are %s",
			ErrOtherPopulation, strings.Join(there.Policies, ", "), strings.Join(now, ", "))
	}
	return nil
}

func versions(policies *policy.Set) (versions []string) {
	for _, p := range policies.All() {
		versions = append(versions, p.Version)
	}
	return versions
}

// importPopulation writes the population as an extract and imports it, as a ministry would
// at go-live.
func (i *installation) importPopulation(ctx context.Context, c Config) error {
	dir := filepath.Join(i.at.Data, "extract")
	if err := i.simulation.WriteExtract(dir); err != nil {
		return err
	}
	c.say("importing it from the extract in " + dir)
	e, err := extract.Open(dir)
	if err != nil {
		return err
	}
	add, finish := c.bar(postgres.ImportPasses*e.Size(), "importing", true)
	defer finish()
	if err := postgres.ImportFolder(ctx, i.postgres, dir, add); err != nil {
		return err
	}
	return i.writeProgress()
}
