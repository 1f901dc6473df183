package schema

import (
	"encoding/json"
	"reflect"
	"slices"
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
	Contains             *node
	MinContains          *int
	MaxContains          *int
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

// Fields, sets, patterns and limits are written in Go and in JSON: these tests compare
// them.
func TestSchemasNameTheFieldsOfTheDecoders(t *testing.T) {
	application, decision := published(t, ApplicationSchema), published(t, DecisionSchema)
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
	} {
		if !slices.Equal(c.schema.Required, c.fields.names[:c.fields.required]) {
			t.Errorf("%s: required %v, in Go %v", c.name, c.schema.Required, c.fields.names[:c.fields.required])
		}
		if len(c.schema.Properties) != len(c.fields.names) {
			t.Errorf("%s: %d properties, in Go %d fields", c.name, len(c.schema.Properties), len(c.fields.names))
		}
		for _, name := range c.fields.names {
			if _, ok := c.schema.Properties[name]; !ok {
				t.Errorf("%s: the schema has no %s", c.name, name)
			}
		}
		if open := c.schema.AdditionalProperties; open == nil || *open {
			t.Errorf("%s: the schema lets unknown fields through", c.name)
		}
	}
}

func TestSchemasHaveTheSetsOfGo(t *testing.T) {
	application, decision := published(t, ApplicationSchema), published(t, DecisionSchema)
	for _, schema := range []node{application, decision} {
		checkNames(t, "kind", schema.Properties["kind"].Enum, Kinds())
		checkNames(t, "channel", schema.Properties["channel"].Enum, Channels())
	}
	checkNames(t, "outcome", decision.Properties["outcome"].Enum, Outcomes())
	checkNames(t, "disposition", decision.Properties["disposition"].Enum, Dispositions())
}

func checkNames[E set](t *testing.T, name string, got []string, all []E) {
	t.Helper()
	var want []string
	for _, e := range all {
		want = append(want, e.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v in the schema, %v in Go", name, got, want)
	}
}

// JSON Schema has no keyword for "no code twice"; one rule for each code says it.
func TestSchemaHasEveryReasonAtMostOnce(t *testing.T) {
	decision := published(t, DecisionSchema)
	var codes, once []string
	for _, r := range AllReasons() {
		codes = append(codes, r.Code())
	}
	for _, rule := range decision.Properties["reasons"].AllOf {
		once = append(once, rule.Contains.Properties["code"].Const)
		if *rule.MinContains != 0 || *rule.MaxContains != 1 {
			t.Errorf("%v: from %d to %d times", once, *rule.MinContains, *rule.MaxContains)
		}
	}
	if enum := decision.Defs["reason"].Properties["code"].Enum; !slices.Equal(enum, codes) || !slices.Equal(once, codes) {
		t.Errorf("codes %v\nonce %v\nin Go %v", enum, once, codes)
	}
}

func TestSchemasHaveThePatternsOfGo(t *testing.T) {
	application, decision := published(t, ApplicationSchema), published(t, DecisionSchema)
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
		{decision.Defs["cause"].Properties["topic"], topicPattern},
	} {
		if c.got.Pattern != c.want.String() {
			t.Errorf("%s in the schema, %s in Go", c.got.Pattern, c.want)
		}
	}
}

func TestSchemasHaveTheLimitsOfGo(t *testing.T) {
	application, decision := published(t, ApplicationSchema), published(t, DecisionSchema)
	for _, c := range []struct {
		got       node
		low, high int64
	}{
		{application.Properties["article"], 1, MaxArticle},
		{application.Properties["months"], 1, maxMonths},
		{application.Defs["fee"].Properties["amount_fils"], 0, int64(MaxFils)},
		{decision.Properties["article"], 1, MaxArticle},
		{decision.Properties["months"], 1, maxMonths},
		{decision.Properties["fee_due_fils"], 0, int64(MaxFils)},
		{decision.Properties["fee_paid_fils"], 0, int64(MaxFils)},
		{decision.Defs["cause"].Properties["partition"], 0, maxPartition},
		{decision.Defs["cause"].Properties["offset"], 0, maxOffset},
	} {
		if *c.got.Minimum != c.low || *c.got.Maximum != c.high {
			t.Errorf("%d to %d in the schema, %d to %d in Go", *c.got.Minimum, *c.got.Maximum, c.low, c.high)
		}
	}
	for _, name := range []string{"en", "ar"} {
		if text := decision.Defs["reason"].Properties[name]; text.MinLength != 1 || text.MaxLength != maxReasonText {
			t.Errorf("%s: %d to %d characters in the schema", name, text.MinLength, text.MaxLength)
		}
	}
}

// Each schema is one file, so what they share is written in both.
func TestSchemasShareTheirDates(t *testing.T) {
	application, decision := published(t, ApplicationSchema), published(t, DecisionSchema)
	for _, name := range []string{"date", "date_time"} {
		if got := application.Defs[name]; got.Pattern == "" || !reflect.DeepEqual(got, decision.Defs[name]) {
			t.Errorf("%s differs", name)
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
