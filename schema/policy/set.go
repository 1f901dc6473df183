package policy

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"tajdeed/schema"
)

// Set is the policies of all times, as a directory holds them. It is never changed once
// loaded. A nil Set holds none.
type Set struct {
	inForce  []*Policy // the oldest first
	versions map[string]*Policy
}

// Load reads the policies of a directory: each *.json is one that is or was in force from its
// first day until the next one's, and each archive/*.json is one that another took the place
// of. The error names everything that is wrong, each by file, line, path and rule:
// "policy 2249-2025.json:53: fees[17] (rule FEE-24): fils_per_year is missing or out of range".
func Load(directory fs.FS) (*Set, error) { return load(directory) }

//go:embed *.json archive/*.json
var builtIn embed.FS

// Embedded returns the policies built into the program. An error is a fault of the build.
func Embedded() (*Set, error) { return embedded() }

var embedded = sync.OnceValues(func() (*Set, error) { return Load(builtIn) })

// On returns the policy in force on a day; false before the first one. A renewal
// is priced and measured by the day it was submitted on (rules E1, E3).
func (s *Set) On(day schema.Date) (*Policy, bool) {
	for _, p := range slices.Backward(s.All()) {
		if day >= p.From {
			return p, true
		}
	}
	return nil, false
}

// Until returns the last day on which a policy of [Set.All] is in force: the day before the
// next one's first. It is false of the last one, which has no end yet, and of one that is not
// in force on any day.
func (s *Set) Until(p *Policy) (schema.Date, bool) {
	all := s.All()
	if i := slices.Index(all, p); i >= 0 && i+1 < len(all) {
		return all[i+1].From.AddDays(-1), true
	}
	return 0, false
}

// Remarks are what may be a mistake in the policies in force and does not keep them from being
// used: a fee that no case ever meets, and a last day that the next policy contradicts.
func (s *Set) Remarks() (all []string) {
	for _, p := range s.All() {
		for i, f := range p.fees {
			if j := slices.IndexFunc(p.fees[:i], func(before fee) bool { return before.covers(f.when) }); j >= 0 {
				all = append(all, fmt.Sprintf("%s: fees[%s] is never the price: fees[%s] stands before it and fits all its cases",
					p.Version, f.when, p.fees[j].when))
			}
		}
		if remark := s.aboutUntil(p); remark != "" {
			all = append(all, remark)
		}
	}
	return all
}

// aboutUntil compares the last day that a policy's file states, for readers, with the one that
// counts.
func (s *Set) aboutUntil(p *Policy) string {
	i := slices.IndexFunc(p.values, func(v Value) bool { return v.Path == "until.day" })
	if i < 0 {
		return ""
	}
	until, ends := s.Until(p)
	switch stated := p.values[i].Value; {
	case !ends:
		return fmt.Sprintf("%s: its file says that it ends on %s, and no policy follows", p.Version, stated)
	case stated != until.String():
		return fmt.Sprintf("%s: its file says that it ends on %s; the next policy makes it end on %s", p.Version, stated, until)
	}
	return ""
}

// All returns the policies that are or were in force, the oldest first. The slice is shared:
// read it only.
func (s *Set) All() []*Policy {
	if s == nil {
		return nil
	}
	return s.inForce
}

// Archived returns the policies that others took the place of, by their versions.
func (s *Set) Archived() (all []*Policy) {
	if s == nil {
		return nil
	}
	for _, version := range slices.Sorted(maps.Keys(s.versions)) {
		if p := s.versions[version]; !slices.Contains(s.inForce, p) {
			all = append(all, p)
		}
	}
	return all
}

// Named returns the policies that a person may mean by a version's name, which may lack the
// digest: the archive can hold several of one edition.
func (s *Set) Named(name string) []*Policy {
	if p, found := s.Version(name); found {
		return []*Policy{p}
	}
	if s == nil {
		return nil
	}
	var all []*Policy
	for _, version := range slices.Sorted(maps.Keys(s.versions)) {
		if strings.HasPrefix(version, name+"+") {
			all = append(all, s.versions[version])
		}
	}
	return all
}

// Version returns the policy that a decision names, also one that another has taken the place
// of; false where the directory does not hold it.
func (s *Set) Version(name string) (*Policy, bool) {
	if s == nil {
		return nil, false
	}
	p, found := s.versions[name]
	return p, found
}
