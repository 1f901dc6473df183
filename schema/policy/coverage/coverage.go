// Package coverage says of every rule that schema/policy/SOURCES.md rests on an official body
// or the press whether the service implements it, where, and which test case shows it. The
// table is coverage.json; its tests hold it to SOURCES.md and to the code.
//
// It decides nothing, and no stage reads it.
package coverage

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

// State says whether the service implements a rule.
type State string

// The states.
const (
	Implemented State = "implemented"
	Elsewhere   State = "elsewhere" // not of this service: another agency's, another transaction's, or a figure
	NotYet      State = "not_yet"
)

// States returns all states, in the order in which they are told.
func States() []State { return []State{Implemented, Elsewhere, NotYet} }

// Rule is a row of the table.
type Rule struct {
	ID         string `json:"id"`         // a key of SOURCES.md
	Confidence string `json:"confidence"` // A or B, as there
	State      State  `json:"state"`
	// Function implements the rule: "consumers/renewals.checkCover". Empty unless it is implemented.
	Function string `json:"function"`
	// Case shows that it does: "consumers/renewals.TestDecide/no fee" is the case "no fee" of
	// that test; a test without cases stands alone. Empty unless it is implemented.
	Case string `json:"case"`
	// Reasons are the codes of what an applicant is told who breaks the rule.
	Reasons []string `json:"reasons"`
	// Figure says that it is a figure of the domain, which asks nothing of a service.
	Figure bool `json:"figure"`
	// Remark says why the rule is elsewhere, what is needed to implement it, or how far it is.
	Remark string `json:"remark"`
}

//go:embed coverage.json
var raw []byte

// Rules returns the table in the order of SOURCES.md. An error is a fault of the build. The
// slice is shared: read it only.
func Rules() ([]Rule, error) { return rules() }

var rules = sync.OnceValues(func() ([]Rule, error) {
	var table struct {
		Rules []Rule `json:"rules"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&table); err != nil {
		return nil, fmt.Errorf("coverage.json: %w", err)
	}
	return table.Rules, nil
})
