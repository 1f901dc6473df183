package policies

import (
	"fmt"
	"strings"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// Operand is one of the two that are compared: a policy, or a directory of them.
type Operand struct {
	Policy    *policy.Policy
	Directory *policy.Set // nil where it is a policy
}

// CompareOperands compares two directories epoch by epoch if one holds several. Otherwise a
// directory stands for its only policy, or for the one in force today.
func CompareOperands(a, b Operand, today schema.Date) (*Diff, error) {
	if a.Directory != nil && b.Directory != nil && len(a.Directory.All())+len(b.Directory.All()) > 2 {
		return CompareSets(a.Directory, b.Directory), nil
	}
	before, err := a.policy(today)
	if err != nil {
		return nil, fmt.Errorf("directory A: %w", err)
	}
	after, err := b.policy(today)
	if err != nil {
		return nil, fmt.Errorf("directory B: %w", err)
	}
	return Compare(before, after), nil
}

// policy is the one that an operand stands for.
func (o *Operand) policy(today schema.Date) (*policy.Policy, error) {
	if o.Directory == nil {
		return o.Policy, nil
	}
	if all := o.Directory.All(); len(all) == 1 {
		return all[0], nil
	}
	return on(o.Directory, today)
}

// Find returns the policy that a person names by a version, with or without its digest, or by a
// day on which it is in force.
func Find(set *policy.Set, name string) (*policy.Policy, error) {
	if day, err := schema.ParseDate(name); err == nil {
		return on(set, day)
	}
	found := set.Named(name)
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%q is no version, no day written YYYY-MM-DD and no directory; the versions are %s", name, versionsOf(set.All(), set.Archived()))
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q may be any of %s: give the digest", name, versionsOf(found))
}

func versionsOf(lists ...[]*policy.Policy) string {
	var names []string
	for _, list := range lists {
		for _, p := range list {
			names = append(names, p.Version)
		}
	}
	return strings.Join(names, ", ")
}

// on returns the policy in force on a day, or an error that says from when on there is one.
func on(set *policy.Set, day schema.Date) (*policy.Policy, error) {
	if p, inForce := set.On(day); inForce {
		return p, nil
	}
	first := set.All()[0]
	begins := first.Values()[0] // its first day
	return nil, fmt.Errorf("no policy is in force on %s: the first one, %s, begins on %s (rule %s)", day, first.Version, begins.Value, begins.Rule)
}
