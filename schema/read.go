package schema

import "fmt"

// fieldKey names the message's key in an error.
const fieldKey = "key"

// ReadApplication reads a message of a channel's topic of submissions. Besides what
// [DecodeApplication] checks, it must be an event of the right type and its key the
// resident's Civil ID, because the key chose the partition and with it the order. Any
// error is an [*Error].
func ReadApplication(key, value []byte, headers []Header) (Application, error) {
	kind, err := readType(headers)
	if err != nil {
		return Application{}, err
	}
	if string(kind) != TypeApplicationSubmitted {
		return Application{}, &Error{HeaderType, RuleUnknownType, "another type than " + TypeApplicationSubmitted}
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

// Answer is a message of a channel's decisions topic. Which of the fields it fills is what
// Type says: [TypeDecision] or [TypeUnreadable]. An event of any other type is a later
// edition's, and a reader passes over it.
type Answer struct {
	Type       string
	Decision   Decision
	Unreadable Unreadable
}

// Cause is the position of the message that is answered; nowhere for an event of a later
// edition.
func (a *Answer) Cause() Position {
	if a.Type == TypeUnreadable {
		return a.Unreadable.Cause
	}
	return a.Decision.Cause
}

// ReadAnswer reads a message of a channel's decisions topic, of this edition or a later
// one. A decision's Civil ID is in its key only. Any error is an [*Error].
func ReadAnswer(key, value []byte, headers []Header) (a Answer, err error) {
	kind, err := readType(headers)
	if err != nil {
		return Answer{}, err
	}
	switch string(kind) {
	case TypeDecision:
		a.Type = TypeDecision
		a.Decision, err = readDecision(key, value)
	case TypeUnreadable:
		a.Type = TypeUnreadable
		a.Unreadable, err = DecodeUnreadable(value)
	default:
		a.Type = string(kind)
	}
	return a, err
}

func readDecision(key, value []byte) (Decision, error) {
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

// readType checks the envelope and returns the event's type.
func readType(headers []Header) ([]byte, error) {
	var raw attributes
	if err := raw.read(headers); err != nil {
		return nil, err
	}
	return raw.value[attributeType], nil
}
