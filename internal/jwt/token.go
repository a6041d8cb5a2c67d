package jwt

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/klammhq/klamm/internal/secret"
)

// Token is a parsed JWS in compact form whose payload is a claims object
// (RFC 7519). Nothing in it is to be believed before [Token.Verify] has
// succeeded with a key of the right provider. It is never changed after Parse
// and prints as [redacted].
type Token struct {
	Alg string // one of the algorithms that this package verifies
	Kid string // opaque, possibly empty
	Typ string // as sent
	// X5T and X5TS256 are the certificate thumbprints of the header, base64url
	// (RFC 7515 section 4.1.7). They name a key that is already known, as Entra
	// client assertions do; no key is ever taken from a header.
	X5T, X5TS256 string
	// Claims holds string, bool, nil, int64 for each number that is integral,
	// float64 for the others, []any and map[string]any.
	Claims map[string]any

	signed    []byte // ASCII(header.payload)
	signature []byte
}

// Text is a claim that is a string; empty when it is absent or anything else.
func (t *Token) Text(claim string) string {
	s, _ := t.Claims[claim].(string)
	return s
}

// Issuer is the claim iss, as sent; empty when it is absent or no string.
func (t *Token) Issuer() string { return t.Text("iss") }

// Subject is the claim sub; empty when it is absent or no string.
func (t *Token) Subject() string { return t.Text("sub") }

// Audiences is the claim aud as a list. It is nil when aud is absent or holds
// anything but strings (RFC 7519 section 4.1.3).
func (t *Token) Audiences() []string {
	switch aud := t.Claims["aud"].(type) {
	case string:
		return []string{aud}
	case []any:
		list := make([]string, 0, len(aud))
		for _, one := range aud {
			s, ok := one.(string)
			if !ok {
				return nil
			}
			list = append(list, s)
		}
		return list
	}
	return nil
}

func (Token) String() string   { return secret.Redacted }
func (Token) GoString() string { return secret.Redacted }

// Format keeps every verb from the claims and the signature.
func (Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

func (Token) LogValue() slog.Value         { return slog.StringValue(secret.Redacted) }
func (Token) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }
func (Token) MarshalJSON() ([]byte, error) { return []byte(`"` + secret.Redacted + `"`), nil }
