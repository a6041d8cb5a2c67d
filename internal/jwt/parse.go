package jwt

import (
	"encoding/base64"
	"strings"

	"github.com/klammhq/klamm/internal/secret"
)

// Limits of a token, checked before anything is decoded.
const (
	MaxToken = 32 << 10
	MaxKeyID = 256
	maxDepth = 16 // of JSON in header, claims and key sets
)

// Parse reads the form of a token and verifies nothing. It refuses what has
// more than one reading: duplicate keys, base64 that is not canonical, invalid
// Unicode, anything after the end. The header's jku, x5u, jwk and x5c are
// ignored. Errors are Malformed and hold a [Problem], never the token.
func Parse(token secret.String) (*Token, error) {
	if token.Len() > MaxToken {
		return nil, TooLarge.malformed("the token has %d bytes, at most %d are read", token.Len(), MaxToken)
	}
	text := token.Reveal()
	switch dots := strings.Count(text, "."); dots {
	case 2:
	case 4:
		return nil, Encrypted.malformed("the token is encrypted (five parts), expected a signed one")
	default:
		return nil, NotAToken.malformed("the token has %d parts separated by dots, a JWT has 3", dots+1).
			Mend("an opaque token cannot be verified here; ask the identity provider for a JWT access token")
	}
	end := strings.LastIndexByte(text, '.')
	head, payload, _ := strings.Cut(text[:end], ".")

	t := &Token{signed: []byte(text[:end])}
	header, err := decodeObject(head, "header")
	if err != nil {
		return nil, err
	}
	if err := t.readHeader(header); err != nil {
		return nil, err
	}
	if t.Claims, err = decodeObject(payload, "claims"); err != nil {
		return nil, err
	}
	if t.signature, err = decodePart(text[end+1:], "signature"); err != nil {
		return nil, err
	}
	return t, nil
}

func decodeObject(part, name string) (map[string]any, error) {
	raw, err := decodePart(part, name)
	if err != nil {
		return nil, err
	}
	object, fail := parseObject(raw)
	if fail != nil {
		return nil, fail.At(name)
	}
	return object, nil
}

// decodePart accepts the one canonical spelling of bytes as base64url
// (RFC 7515 section 2). The standard decoder is strict about spare bits only
// when told, and skips line ends even then.
func decodePart(part, name string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || strings.ContainsAny(part, "\r\n") {
		return nil, BadEncoding.malformed("it is not base64url, expected A-Z a-z 0-9 - _ without padding").At(name)
	}
	if len(raw) == 0 {
		return nil, NotAToken.malformed("it is empty, expected base64url").At(name)
	}
	return raw, nil
}
