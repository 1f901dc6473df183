package schema

// A closed set of names is a small integer with a table of names behind it. The
// zero value is no member of any set.

func enumName[E ~uint8](names []string, e E) string {
	if int(e) >= len(names) {
		return ""
	}
	return names[e]
}

func parseEnum[E ~uint8](names []string, s string) (E, bool) {
	for i := 1; i < len(names); i++ {
		if names[i] == s {
			return E(i), true
		}
	}
	return 0, false
}

func enumerate[E ~uint8](names []string) []E {
	all := make([]E, 0, len(names)-1)
	for i := 1; i < len(names); i++ {
		all = append(all, E(i))
	}
	return all
}

// parseName reads a member of a set of names, which is short. It returns the set's own
// string, so that nothing keeps the text that it was read from.
func parseName[E ~string](set []E, s string) (E, bool) {
	for _, name := range set {
		if string(name) == s {
			return name, true
		}
	}
	return "", false
}
