package schema

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// node is a part of a JSON Schema, as far as these tests read it.
type node struct {
	Type                 any
	Pattern              string
	Enum                 []string
	Minimum, Maximum     *int64
	MinLength, MaxLength int
	Required             []string
	Properties           map[string]node
	AdditionalProperties *bool
	Items                *node
	AllOf                []node
	If                   *node
	Const                string
	Ref                  string          `json:"$ref"`
	Defs                 map[string]node `json:"$defs"`
	Examples             []json.RawMessage
}

func published(t *testing.T, data []byte) node {
	t.Helper()
	var n node
	if err := json.Unmarshal(data, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// names returns the examples of a name, which are those that this edition knows.
func (n node) names(t *testing.T) (names []string) {
	t.Helper()
	for _, example := range n.Examples {
		var name string
		if err := json.Unmarshal(example, &name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// Fields, sets, patterns and limits are written in Go and in JSON: these tests compare
// them.
func TestSchemasNameTheFieldsOfTheDecoders(t *testing.T) {
	t.Parallel()
	application, decision, unreadable := published(t, ApplicationSchema), published(t, DecisionSchema), published(t, UnreadableSchema)
	for _, c := range []struct {
		name   string
		schema node
		fields members
	}{
		{"application", application, applicationMembers},
		{"passport", application.Defs["passport"], passportMembers},
		{"fee", application.Defs["fee"], feeMembers},
		{"insurance", application.Defs["insurance"], insuranceMembers},
		{"decision", decision, decisionMembers},
		{"reason", decision.Defs["reason"], reasonMembers},
		{"cause", decision.Defs["cause"], causeMembers},
		{"unreadable", unreadable, unreadableMembers},
	} {
		if required := c.fields.requiredNames(); !slices.Equal(c.schema.Required, required) {
			t.Errorf("%s: required %v, in Go %v", c.name, c.schema.Required, required)
		}
		if len(c.schema.Properties) != len(c.fields.names) {
			t.Errorf("%s: %d properties, in Go %d fields", c.name, len(c.schema.Properties), len(c.fields.names))
		}
		for _, name := range c.fields.names {
			if _, ok := c.schema.Properties[name]; !ok {
				t.Errorf("%s: the schema has no %s", c.name, name)
			}
		}
		if open := c.schema.AdditionalProperties; open == nil || *open != c.fields.open {
			t.Errorf("%s: in Go other fields pass: %t", c.name, c.fields.open)
		}
	}
}

func (m *members) requiredNames() (names []string) {
	for i, name := range m.names {
		if m.required&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func TestSchemasHaveTheSetsOfGo(t *testing.T) {
	t.Parallel()
	application, decision, unreadable := published(t, ApplicationSchema), published(t, DecisionSchema), published(t, UnreadableSchema)
	checkNames(t, "kind", application.Properties["kind"].Enum, Kinds())
	checkNames(t, "kind", decision.Properties["kind"].names(t), Kinds())
	checkNames(t, "outcome", decision.Properties["outcome"].names(t), Outcomes())
	checkNames(t, "disposition", decision.Properties["disposition"].names(t), Dispositions())
	checkNames(t, "rule", unreadable.Properties["rule"].names(t), Rules())
	var codes []string
	for _, r := range AllReasons() {
		codes = append(codes, r.Code())
	}
	if got := decision.Defs["reason"].Properties["code"].names(t); !slices.Equal(got, codes) {
		t.Errorf("codes: %v in the schema, %v in Go", got, codes)
	}
}

// Fields that exclude one another are compared for what this edition knows, and for no other.
func TestSchemaComparesKnownOutcomesOnly(t *testing.T) {
	t.Parallel()
	var outcomes []string
	for _, rule := range published(t, DecisionSchema).AllOf {
		checkNames(t, "kinds that are compared", rule.If.Properties["kind"].Enum, Kinds())
		outcomes = append(outcomes, rule.If.Properties["outcome"].Const)
	}
	checkNames(t, "outcomes that are compared", outcomes, Outcomes())
}

func checkNames[E set](t *testing.T, name string, got []string, all []E) {
	t.Helper()
	var want []string
	for _, e := range all {
		want = append(want, e.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v in the contract, %v in Go", name, got, want)
	}
}

func TestSchemasHaveThePatternsOfGo(t *testing.T) {
	t.Parallel()
	application, decision, unreadable := published(t, ApplicationSchema), published(t, DecisionSchema), published(t, UnreadableSchema)
	for _, c := range []struct {
		got  node
		want *pattern
	}{
		{application.Defs["passport"].Properties["number"], passportNumberPattern},
		{application.Defs["passport"].Properties["country"], countryPattern},
		{application.Properties["submitted_by"], submittedByPattern},
		{application.Defs["fee"].Properties["receipt"], receiptPattern},
		{application.Defs["insurance"].Properties["policy"], insurancePattern},
		{decision.Properties["policy"], policyPattern},
		{decision.Properties["disposition"], namePattern},
		{decision.Properties["outcome"], namePattern},
		{decision.Properties["kind"], namePattern},
		{decision.Defs["reason"].Properties["code"], namePattern},
		{decision.Defs["cause"].Properties["topic"], topicPattern},
		{unreadable.Properties["rule"], namePattern},
	} {
		if c.got.Pattern != c.want.String() {
			t.Errorf("%s in the schema, %s in Go", c.got.Pattern, c.want)
		}
	}
}

func TestSchemasHaveTheLimitsOfGo(t *testing.T) {
	t.Parallel()
	application, decision := published(t, ApplicationSchema), published(t, DecisionSchema)
	for _, c := range []struct {
		got       node
		low, high int64
	}{
		{application.Properties["article"], 1, MaxArticle},
		{application.Properties["months"], 1, maxMonths},
		{application.Defs["fee"].Properties["amount_fils"], 0, int64(MaxFils)},
		{decision.Properties["article"], 0, MaxArticle},
		{decision.Properties["months"], 0, maxMonths},
		{decision.Properties["fee_due_fils"], 0, int64(MaxFils)},
		{decision.Properties["fine_due_fils"], 0, int64(MaxFils)},
		{decision.Properties["fee_paid_fils"], 0, int64(MaxFils)},
		{decision.Defs["revision"], FirstRevision, maxRevision},
		{decision.Defs["cause"].Properties["partition"], 0, maxPartition},
		{decision.Defs["cause"].Properties["offset"], 0, maxOffset},
	} {
		if *c.got.Minimum != c.low || *c.got.Maximum != c.high {
			t.Errorf("%d to %d in the schema, %d to %d in Go", *c.got.Minimum, *c.got.Maximum, c.low, c.high)
		}
	}
}

func TestSchemasHaveTheLengthsOfGo(t *testing.T) {
	t.Parallel()
	decision, unreadable := published(t, DecisionSchema), published(t, UnreadableSchema)
	for name, c := range map[string]struct {
		got         node
		least, most int
	}{
		"en":    {decision.Defs["reason"].Properties["en"], 1, maxReasonText},
		"ar":    {decision.Defs["reason"].Properties["ar"], 1, maxReasonText},
		"field": {unreadable.Properties["field"], 0, maxFieldPath},
		"found": {unreadable.Properties["found"], 0, maxFound},
	} {
		if c.got.MinLength != c.least || c.got.MaxLength != c.most {
			t.Errorf("%s: %d to %d characters in the schema", name, c.got.MinLength, c.got.MaxLength)
		}
	}
}

// Each schema is one file, so what they share is written in each.
func TestSchemasShareTheirDefinitions(t *testing.T) {
	t.Parallel()
	application, decision, unreadable := published(t, ApplicationSchema), published(t, DecisionSchema), published(t, UnreadableSchema)
	for _, name := range []string{"date", "date_time"} {
		if got := application.Defs[name]; got.Pattern == "" || !reflect.DeepEqual(got, decision.Defs[name]) {
			t.Errorf("%s of the application differs", name)
		}
	}
	for _, name := range []string{"date_time", "cause", "revision", "simulation"} {
		if got := unreadable.Defs[name]; got.Type == nil || !reflect.DeepEqual(got, decision.Defs[name]) {
			t.Errorf("%s of the notice differs", name)
		}
	}
}

// An example's policy has the name of one that there is.
func TestExamplesNameAPolicy(t *testing.T) {
	t.Parallel()
	for _, example := range published(t, DecisionSchema).Examples {
		d, err := DecodeDecision(example)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(d.Policy, "@")
		if _, err := os.Stat(filepath.Join("policy", name+".json")); err != nil {
			t.Errorf("%q: %v", d.Policy, err)
		}
	}
}

func TestExamplesOfTheSchemasAreMessages(t *testing.T) {
	for _, m := range messages {
		o := newOracle(t, m.published)
		examples := published(t, m.published).Examples
		if len(examples) < 2 {
			t.Errorf("%s has %d examples", m.name, len(examples))
		}
		for _, example := range examples {
			if err := m.decode(example); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
			m.agree(t, o, example)
		}
	}
}
