package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
)

// AdminError is the answer to an administrator's call that changed nothing.
type AdminError struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// Administered is a handler for programs on this machine ([FromHere]) that
// answers errors as [AdminError].
func Administered(h Handler) http.Handler {
	guarded := func(w http.ResponseWriter, r *http.Request) error {
		if err := FromHere(r); err != nil {
			return err
		}
		return h(w, r)
	}
	return Handle(guarded, func(w http.ResponseWriter, _ *http.Request, err error) {
		_ = WriteJSON(w, Status(err), AdminError{err.Error(), fault.HintOf(err)}) // strings always marshal
	})
}

// maxCommand holds any command that makes sense, in bytes.
const maxCommand = 256 << 10

// ReadCommand reads a request's body with [ParseCommand].
func ReadCommand(r *http.Request, into any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxCommand))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.Exhausted, "a body above %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return fault.New(fault.Malformed, "the body ended early").Because(err)
	}
	return ParseCommand(raw, into)
}

// ParseCommand reads one JSON object into a struct. Unknown members are errors,
// so that none is ignored that somebody relies on.
func ParseCommand(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fault.New(fault.Malformed, "%s; expected a JSON object with this command's members", printable(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Malformed, "more follows the object, expected one")
	}
	return nil
}

// printable keeps what came from outside from a terminal's control characters,
// and short.
func printable(s string) string {
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
