package consumers

import (
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// Kind is what an error means for the message, the batch or the partition that it
// happened to. [KindOf] decides by type and SQLSTATE, never by an error's text.
type Kind uint8

// The kinds.
const (
	// Transient passes by itself, soon: a deadlock, a serialization failure. The
	// batch is tried again in place, so order is kept. An unknown error is taken to be
	// transient as well.
	Transient Kind = iota + 1
	// Systemic is a store or a broker that is away. The partition waits, and stays
	// assigned; nothing is quarantined for it, and the process is not ready.
	Systemic
	// Refused is for ever, and for one message: the store cannot hold it. It is found
	// by halving the batch, and quarantined.
	Refused
	// Stopped is for ever, and for the partition: going on would lose messages or
	// empty the topic into quarantine. It waits for an operator.
	Stopped
)

var kindNames = [...]string{Transient: "transient", Systemic: "systemic", Refused: "refused", Stopped: "stopped"}

// String returns the kind as metrics name it.
func (k Kind) String() string { return kindNames[k] }

// RefusedError marks an error of a stage as one that no retry mends, caused by one of
// the batch's messages.
type RefusedError struct{ Err error }

// Error says why.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns what was marked.
func (e *RefusedError) Unwrap() error { return e.Err }

// AwayError marks an error as that of a store or a broker which cannot be reached.
type AwayError struct{ Err error }

// Error says what is away.
func (e *AwayError) Error() string { return e.Err.Error() }

// Unwrap returns what was marked.
func (e *AwayError) Unwrap() error { return e.Err }

// KindOf returns an error's kind.
func KindOf(err error) Kind {
	if errors.Is(err, ErrGap) || errors.Is(err, ErrFlood) {
		return Stopped
	}
	if _, marked := errors.AsType[*RefusedError](err); marked {
		return Refused
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return kindOfState(answer.Code)
	}
	if isConnection(err) {
		return Systemic
	}
	return Transient
}

// isConnection is whether an error is about reaching a server, not about its answer.
func isConnection(err error) bool {
	if _, marked := errors.AsType[*AwayError](err); marked {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// kindOfState tells the kind of a Postgres answer (PostgreSQL, appendix A).
func kindOfState(state string) Kind {
	switch state {
	case "23505": // unique_violation: the same application_id in two partitions at once
		return Transient
	case "57P01", "57P02", "57P03": // admin_shutdown, crash_shutdown, cannot_connect_now
		return Systemic
	}
	switch state[:2] {
	case "22", // data_exception
		"23", // integrity_constraint_violation
		"54": // program_limit_exceeded
		return Refused
	case "08", // connection_exception
		"25", // invalid_transaction_state: a standby, read only
		"28", // invalid_authorization_specification
		"53", // insufficient_resources: the disk is full
		"58": // system_error
		return Systemic
	}
	return Transient
}

// sqlState is the SQLSTATE of an error, or its type, for a person who looks into the
// quarantine. An answer's text may quote the message, so it is not used.
func sqlState(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "SQLSTATE " + answer.Code
	}
	return "the stage refuses it"
}
