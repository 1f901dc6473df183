package analytics

import (
	"errors"
	"strings"
	"testing"

	"tajdeed/schema"
)

// stablePerson is the pseudonym of civilID under "sixteen bytes ok":
//
//	printf 'p\x00\x00\x00\x43\xc2\xbe\xf8\x84' | openssl dgst -sha256 -hmac 'sixteen bytes ok'
const stablePerson = 0x7fde7db2fc283d07

// A pseudonym is stable: what analysts joined last year they can join next year.
func TestPseudonymIsStable(t *testing.T) {
	t.Parallel()
	h := key(t, "sixteen bytes ok").hasher()
	first := h.person(civilID)
	if first != stablePerson {
		t.Errorf("%#x, want %#x", first, uint64(stablePerson))
	}
	h.sponsor(sponsorID)
	if again := h.person(civilID); again != first {
		t.Errorf("asked again it is %#x", again)
	}
	if other := key(t, "sixteen bytes ok").hasher().person(civilID); other != first {
		t.Errorf("from another hasher it is %#x", other)
	}
}

// Under another key, of another person and of another kind it is another one.
func TestPseudonymsDiffer(t *testing.T) {
	t.Parallel()
	h, other := key(t, "sixteen bytes ok").hasher(), key(t, "sixteen bytes no").hasher()
	seen := map[uint64]string{}
	for name, p := range map[string]uint64{
		"person":                  h.person(civilID),
		"another person":          h.person(civilID + 1),
		"person, another key":     other.person(civilID),
		"sponsor":                 h.sponsor(sponsorID),
		"sponsor, another key":    other.sponsor(sponsorID),
		"person of that number":   h.person(schema.CivilID(sponsorID)),
		"person under the number": h.person(0),
		"sponsor 0":               h.sponsor(0),
	} {
		if twin, taken := seen[p]; taken {
			t.Errorf("%s and %s have the same pseudonym", name, twin)
		}
		seen[p] = name
	}
}

func TestPseudonymKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bytes int
		want  error
	}{{0, ErrPseudonymKey}, {PseudonymKeyBytes - 1, ErrPseudonymKey}, {PseudonymKeyBytes, nil}, {1000, nil}} {
		secret := strings.Repeat("k", c.bytes)
		p, err := NewPseudonym([]byte(secret))
		if !errors.Is(err, c.want) || (p == nil) != (err != nil) {
			t.Errorf("%d bytes: %v, want %v", c.bytes, err, c.want)
		}
		if err != nil && c.bytes > 0 && strings.Contains(err.Error(), secret) {
			t.Errorf("the error names the key: %v", err)
		}
	}
}

// The caller may wipe its copy of the key.
func TestPseudonymKeepsItsOwnKey(t *testing.T) {
	t.Parallel()
	secret := []byte("sixteen bytes ok")
	p, err := NewPseudonym(secret)
	if err != nil {
		t.Fatal(err)
	}
	clear(secret)
	if got := p.hasher().person(civilID); got != stablePerson {
		t.Errorf("%#x, want %#x", got, uint64(stablePerson))
	}
}
