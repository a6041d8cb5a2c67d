// Package fault is the one error type of klamm: a kind for machines, a
// sentence, a place and a hint for people, and the cause for the log.
//
// It never decides how an error looks on a surface: HTTP status, Kafka error
// code and exit code are tables of the surfaces, keyed by [Kind].
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what went wrong, for a machine.
type Kind string

const (
	Internal        Kind = "internal"        // a fault of ours; the zero Kind counts as this
	Invalid         Kind = "invalid"         // the input is wrong and will stay wrong
	Unauthenticated Kind = "unauthenticated" // nobody knows who is asking
	Forbidden       Kind = "forbidden"       // known, and may not
	NotFound        Kind = "not-found"
	Conflict        Kind = "conflict"
	Unavailable     Kind = "unavailable" // may work later
	Unsupported     Kind = "unsupported" // known, but not in this version
	Malformed       Kind = "malformed"   // outside bytes that cannot be read
	Exhausted       Kind = "exhausted"   // a limit was reached
)

// Error is one fault. Only Message is required.
type Error struct {
	Kind    Kind
	Where   string // file:line:column, header, claim or field
	Message string // what went wrong and what was expected, one sentence, no final stop
	Hint    string // what to do
	Cause   error  // for the log; never shown to a remote party
}

// New makes a fault of a kind; the format is that of fmt.Sprintf. A cause is
// attached with [Error.Because], never with %w: causes do not become API.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// At says where. It returns e itself.
func (e *Error) At(where string) *Error { e.Where = where; return e }

// Mend says what to do. It returns e itself.
func (e *Error) Mend(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Because attaches the cause. It returns e itself.
func (e *Error) Because(cause error) *Error { e.Cause = cause; return e }

// Error is the place and the sentence, without hint and cause.
func (e *Error) Error() string {
	if e.Where == "" {
		return e.Message
	}
	return e.Where + ": " + e.Message
}

// Unwrap gives errors.Is and errors.As the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf finds the kind of err; an error that is no fault is Internal, nil has none.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != "" {
		return e.Kind
	}
	return Internal
}

// HintOf finds the first hint in err's chain.
func HintOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Hint
	}
	return ""
}

// Sentence is an error with its causes, for a log or the operator's own
// terminal, never for a remote party. Causes that say no more than what is said
// already are left out.
func Sentence(err error) string {
	text, root := err.Error(), err
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		root = cause
	}
	for cause := errors.Unwrap(err); cause != nil && !strings.Contains(text, root.Error()); cause = errors.Unwrap(cause) {
		text += ": " + cause.Error()
	}
	return text
}

// Detail is everything, for a log: place, sentence, causes, hint.
func Detail(err error) string {
	if hint := HintOf(err); hint != "" {
		return Sentence(err) + " (" + hint + ")"
	}
	return Sentence(err)
}
