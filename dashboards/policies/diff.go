package policies

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"

	"tajdeed/dashboards/text"
	"tajdeed/schema/policy"
)

// Diff is what differs between two policies, or between two directories of them.
type Diff struct {
	Differs     bool         `json:"differs"` // in a value, its rule, its evidence or the basis
	Comparisons []Comparison `json:"comparisons"`
}

// Comparison is of two policies. Where directories are compared, one side may lack an epoch.
type Comparison struct {
	A *Side `json:"a"` // null where only B has the epoch
	B *Side `json:"b"` // null where only A has it
	// Changes are in the order of A's file, with what B adds at the end.
	Changes []Change `json:"changes"`
}

// Side is one of the policies that are compared.
type Side struct {
	Version string `json:"version"`
	From    string `json:"from"`
}

// What a change can be.
const (
	Added    = "added"
	Removed  = "removed"
	Changed  = "changed"
	Evidence = "evidence" // the value is the same; its rule, sources, confidence or note is not
	Order    = "order"    // the fees that both have stand in another order, so that another may be the first that fits
)

// Change is one value that differs.
type Change struct {
	Change string `json:"change"` // added, removed, changed, evidence or order
	Path   string `json:"path"`   // by what it means, see [Value]; "basis" is the policy's basis, "fees" all fees
	Old    string `json:"old"`    // empty where it was added
	New    string `json:"new"`    // empty where it was removed
	Rule   string `json:"rule"`   // B's; A's where B lacks the value. The basis has none
	// OldRule is A's where it is another one.
	OldRule string `json:"old_rule,omitempty"`
	// Evidence names what else of the value differs: sources, confidence, note.
	Evidence []string `json:"evidence"`

	said string // the value's name in words
}

// Compare returns what differs between two policies.
func Compare(a, b *policy.Policy) *Diff { return diffOf(compare(a, b)) }

// CompareSets returns what differs between the policies of two directories, epoch by epoch. An
// epoch is a resolution: what stands before the @ of a version. What is archived is left out.
func CompareSets(a, b *policy.Set) *Diff {
	before, after := byEpoch(a), byEpoch(b)
	epochs := maps.Clone(before)
	maps.Copy(epochs, after)
	order := slices.SortedFunc(maps.Values(epochs), func(x, y *policy.Policy) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.Version, y.Version))
	})
	var all []Comparison
	for _, p := range order {
		all = append(all, compare(before[epochOf(p)], after[epochOf(p)]))
	}
	return diffOf(all...)
}

func byEpoch(set *policy.Set) map[string]*policy.Policy {
	all := map[string]*policy.Policy{}
	for _, p := range set.All() {
		all[epochOf(p)] = p
	}
	return all
}

// epochOf is the resolution of a policy.
func epochOf(p *policy.Policy) string {
	resolution, _, _ := strings.Cut(p.Version, "@")
	return resolution
}

func diffOf(comparisons ...Comparison) *Diff {
	d := &Diff{Comparisons: comparisons}
	for _, c := range comparisons {
		d.Differs = d.Differs || len(c.Changes) > 0
	}
	return d
}

// compare compares two policies, of which one may be nil.
func compare(a, b *policy.Policy) Comparison {
	c := Comparison{A: sideOf(a), B: sideOf(b), Changes: []Change{}}
	if a != nil && b != nil && a.Basis != b.Basis {
		c.Changes = append(c.Changes, Change{Change: Changed, Path: "basis", Old: a.Basis, New: b.Basis, Evidence: []string{}, said: "Basis"})
	}
	before, after := valuesByPath(a), valuesByPath(b)
	for _, path := range pathsOf(a) {
		if change, differs := changeOf(path, before[path], after[path]); differs {
			c.Changes = append(c.Changes, change)
		}
	}
	for _, path := range pathsOf(b) {
		if _, both := before[path]; !both {
			change, _ := changeOf(path, nil, after[path])
			c.Changes = append(c.Changes, change)
		}
	}
	if !slices.Equal(feesIn(pathsOf(a), after), feesIn(pathsOf(b), before)) {
		c.Changes = append(c.Changes, Change{Change: Order, Path: "fees", Evidence: []string{}})
	}
	return c
}

// feesIn returns the paths of fees that the other side has too.
func feesIn(paths []string, other map[string]*policy.Value) (fees []string) {
	for _, path := range paths {
		if _, both := other[path]; both && strings.HasPrefix(path, "fees[") {
			fees = append(fees, path)
		}
	}
	return fees
}

func sideOf(p *policy.Policy) *Side {
	if p == nil {
		return nil
	}
	return &Side{Version: p.Version, From: p.From.String()}
}

// valuesByPath returns the values by their paths. Of two fees with the same conditions the
// first one is the price, and the other is never asked.
func valuesByPath(p *policy.Policy) map[string]*policy.Value {
	all := map[string]*policy.Value{}
	if p == nil {
		return all
	}
	for i := range p.Values() {
		v := &p.Values()[i]
		if _, hidden := all[v.Path]; !hidden {
			all[v.Path] = v
		}
	}
	return all
}

// pathsOf returns the paths of a policy's values, in their order and each once.
func pathsOf(p *policy.Policy) (paths []string) {
	if p == nil {
		return nil
	}
	for _, v := range p.Values() {
		if !slices.Contains(paths, v.Path) {
			paths = append(paths, v.Path)
		}
	}
	return paths
}

// changeOf compares a value's two states, of which one may be nil.
func changeOf(path string, before, after *policy.Value) (c Change, differs bool) {
	c = Change{Path: path, Evidence: []string{}}
	switch {
	case before == nil:
		c.Change, c.New, c.Rule, c.said = Added, after.Value, after.Rule, said(after)
		return c, true
	case after == nil:
		c.Change, c.Old, c.Rule, c.said = Removed, before.Value, before.Rule, said(before)
		return c, true
	}
	c.Change, c.Old, c.New, c.Rule, c.said = Changed, before.Value, after.Value, after.Rule, said(after)
	if before.Value == after.Value {
		c.Change = Evidence
	}
	if before.Rule != after.Rule {
		c.OldRule = before.Rule
	}
	if !slices.Equal(before.Sources, after.Sources) {
		c.Evidence = append(c.Evidence, "sources")
	}
	if before.Confidence != after.Confidence {
		c.Evidence = append(c.Evidence, "confidence")
	}
	if before.Note != after.Note {
		c.Evidence = append(c.Evidence, "note")
	}
	return c, c.Change == Changed || c.OldRule != "" || len(c.Evidence) > 0
}

// WriteJSON writes it as one JSON object, see [Diff].
func (d *Diff) WriteJSON(out io.Writer) error { return text.WriteJSON(out, d) }
