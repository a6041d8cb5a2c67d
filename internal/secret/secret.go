// Package secret holds strings that must never be printed.
//
// A [String] shows itself as [redacted] to fmt, log/slog, encoding/json and
// text encoders. The only way to the text is [String.Reveal], so that a search
// for Reveal finds every place where a secret leaves its wrapping.
// The package never stores, hashes or compares secrets.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every printer sees instead of the text.
const Redacted = "[redacted]"

// String is a secret text: a token, a password, a client secret. The zero
// value is the empty secret. Two Strings cannot be compared with ==.
type String struct {
	// The text is behind a pointer because fmt calls no method of a value in an
	// unexported field: it prints what it finds, and finds an address.
	text *string
	_    [0]func()
}

// New wraps text.
func New(text string) String { return String{text: &text} }

// Reveal returns the text itself.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s String) IsZero() bool { return s.Reveal() == "" }

// Len is the length of the text in bytes.
func (s String) Len() int { return len(s.Reveal()) }

func (String) String() string   { return Redacted }
func (String) GoString() string { return Redacted }

// Format keeps every verb, %x and %#v included, from reaching the text.
func (String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

func (String) LogValue() slog.Value         { return slog.StringValue(Redacted) }
func (String) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
func (String) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }
