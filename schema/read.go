package schema

import "fmt"

// fieldKey names the message's key in an error.
const fieldKey = "key"

// ReadApplication reads a message of the topic of submissions. Besides what
// [DecodeApplication] checks, it must be an event of the right type and its key the
// resident's Civil ID, because the key chose the partition and with it the order. Any
// error is an [*Error].
func ReadApplication(key, value []byte, headers []Header) (Application, error) {
	if err := checkType(headers, TypeApplicationSubmitted); err != nil {
		return Application{}, err
	}
	a, err := DecodeApplication(value)
	if err != nil {
		return Application{}, err
	}
	if id, ok := parseCivilID(string(key)); !ok || id != a.CivilID {
		return Application{}, &Error{fieldKey, RuleKeyMismatch, fmt.Sprintf("a key of %d bytes that is not the civil_id", len(key))}
	}
	return a, nil
}

// ReadDecision reads a message of the topic of decisions. The Civil ID is in its key
// only. Any error is an [*Error].
func ReadDecision(key, value []byte, headers []Header) (Decision, error) {
	if err := checkType(headers, TypeDecision); err != nil {
		return Decision{}, err
	}
	d, err := DecodeDecision(value)
	if err != nil {
		return Decision{}, err
	}
	id, ok := parseCivilID(string(key))
	if !ok {
		return Decision{}, &Error{fieldKey, RuleBadFormat, fmt.Sprintf("a key of %d bytes, not twelve digits", len(key))}
	}
	d.CivilID = id
	return d, nil
}

// checkType checks the envelope and its type.
func checkType(headers []Header, want string) error {
	var raw attributes
	if err := raw.read(headers); err != nil {
		return err
	}
	if string(raw.value[attributeType]) != want {
		return &Error{HeaderType, RuleUnknownType, "another type than " + want}
	}
	return nil
}
