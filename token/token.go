// Package token gets OAuth access tokens for Kafka clients from where a
// program runs (an Azure managed identity, a client application, a file) and
// keeps them fresh.
//
// It imports the standard library only. It never verifies a token, which is
// the server's job, never prints one, and never returns an expired one.
package token

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Token is a bearer token and what a client must know of it. Printing it in
// any way shows no part of its text.
type Token struct {
	text *string // behind a pointer: fmt prints the values of unexported fields, whatever their methods
	// Principal is the claim sub, for logs; the server decides who it is.
	Principal string
	// Expires is the end of its life.
	Expires time.Time
	// RefreshAfter is when a new one should be fetched.
	RefreshAfter time.Time
}

// refreshAt is the part of its life after which a token is renewed.
const refreshAt = 0.8

// maxToken is the largest token that is read, in bytes.
const maxToken = 32 << 10

// New makes a token from a JWT: principal and expiry are read from its claims
// (RFC 7519, sections 4.1.2 and 4.1.4), unverified. now is the begin of the
// wait for its renewal.
func New(text string, now time.Time) (Token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxToken {
		return Token{}, errors.New("the access token is no JWT of three parts and at most 32 KiB; opaque tokens cannot be used with Kafka")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Token{}, errors.New("the access token's payload is not base64url")
	}
	var claims struct {
		Sub string   `json:"sub"`
		Exp *float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Token{}, errors.New("the access token's payload is no JSON object with a string sub and a numeric exp")
	}
	if claims.Exp == nil || *claims.Exp <= 0 || *claims.Exp > 1<<40 {
		return Token{}, errors.New(`the access token has no usable claim "exp"`)
	}
	expires := time.Unix(int64(*claims.Exp), 0)
	t := Token{text: &text, Principal: claims.Sub, Expires: expires}
	t.RefreshAfter = now.Add(time.Duration(float64(expires.Sub(now)) * refreshAt))
	return t, nil
}

// Reveal returns the token's text.
func (t Token) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

const redacted = "[redacted]"

func (Token) String() string               { return redacted }
func (Token) GoString() string             { return redacted }
func (Token) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (Token) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Source gives tokens. It is safe for concurrent use and never returns an
// expired one. Its errors hold no secret.
type Source interface {
	Token(ctx context.Context) (Token, error)
}

// SourceFunc is a function as a Source.
type SourceFunc func(ctx context.Context) (Token, error)

// Token calls f.
func (f SourceFunc) Token(ctx context.Context) (Token, error) { return f(ctx) }
