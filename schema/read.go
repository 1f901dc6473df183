package schema

import "fmt"

// fieldKey names the message's key in an error.
const fieldKey = "key"

// ReadApplication reads a message of a channel's topic of submissions. Besides what
// [DecodeApplication] checks, it must be an event of the right type and its key the
// resident's Civil ID, because the key chose the partition and with it the order. Any
// error is an [*Error].
func ReadApplication(key, value []byte, headers []Header) (Application, error) {
	var event attributes
	if err := event.read(headers); err != nil {
		return Application{}, err
	}
	if string(event.value[attributeType]) != TypeApplicationSubmitted {
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
// one. A decision's Civil ID is in its key only. An event of another type is not read:
// neither its data, nor whether its other headers are as ours. Any error is an [*Error].
func ReadAnswer(key, value []byte, headers []Header) (a Answer, err error) {
	var event attributes
	if err := event.collect(headers); err != nil {
		return Answer{}, err
	}
	kind := event.value[attributeType]
	if event.seen[attributeType] && string(kind) != TypeDecision && string(kind) != TypeUnreadable {
		return Answer{Type: string(kind)}, nil
	}
	if err := event.check(); err != nil {
		return Answer{}, err
	}
	if string(kind) == TypeDecision {
		a.Type = TypeDecision
		a.Decision, err = readDecision(key, value)
	} else {
		a.Type = TypeUnreadable
		a.Unreadable, err = DecodeUnreadable(value)
	}
	if err != nil {
		return Answer{}, err
	}
	return a, nil
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
