package analytics

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"tajdeed/schema"
)

// Pseudonym tells persons and sponsors apart in ClickHouse without naming them:
// HMAC-SHA-256 under a key that analysts don't have, cut to 64 bits.
// A Civil ID has too few values for a hash without a key to hide it.
type Pseudonym struct{ key []byte }

// PseudonymKeyBytes is the least length of the key.
const PseudonymKeyBytes = 16

// ErrPseudonymKey says that a key is too short to hide anything.
var ErrPseudonymKey = errors.New("the pseudonym key is too short")

// NewPseudonym returns the pseudonyms under a key. Another key gives others, which
// cannot be joined with those before.
func NewPseudonym(key []byte) (*Pseudonym, error) {
	if len(key) < PseudonymKeyBytes {
		return nil, fmt.Errorf("%w: %d bytes, at least %d are needed", ErrPseudonymKey, len(key), PseudonymKeyBytes)
	}
	return &Pseudonym{key: bytes.Clone(key)}, nil
}

// Pairs returns a function that makes the pseudonyms of a person and a sponsor, as the rows
// have them. It is for one goroutine.
func (p *Pseudonym) Pairs() func(schema.CivilID, schema.SponsorID) (person, sponsor uint64) {
	h := p.hasher()
	return func(person schema.CivilID, sponsor schema.SponsorID) (uint64, uint64) {
		return h.person(person), h.sponsor(sponsor)
	}
}

// hasher is for one goroutine.
type hasher struct {
	mac hash.Hash
	buf []byte
}

func (p *Pseudonym) hasher() *hasher { return &hasher{mac: hmac.New(sha256.New, p.key)} }

func (h *hasher) person(id schema.CivilID) uint64 { return h.sum('p', uint64(id)) }

func (h *hasher) sponsor(id schema.SponsorID) uint64 { return h.sum('s', uint64(id)) }

// sum keeps the kinds apart: a sponsor never has the pseudonym of a person with its number.
func (h *hasher) sum(kind byte, n uint64) uint64 {
	h.mac.Reset()
	h.buf = binary.BigEndian.AppendUint64(append(h.buf[:0], kind), n)
	h.mac.Write(h.buf)
	h.buf = h.mac.Sum(h.buf[:0])
	return binary.BigEndian.Uint64(h.buf)
}
