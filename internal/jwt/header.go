package jwt

import (
	"slices"
	"strings"
)

// accessTypes are the values of typ that an access token may have, in lower
// case (RFC 7519 section 5.1, RFC 9068 section 2.1). Anything else was made for
// another purpose (RFC 8725 section 3.11).
var accessTypes = []string{"", "jwt", "at+jwt", "application/at+jwt"}

func (t *Token) readHeader(header map[string]any) error {
	// A header with enc is a JWE's whatever the number of its parts.
	if _, found := header["enc"]; found {
		return Encrypted.malformed("the token says that it is encrypted, expected a signed one").At("header.enc")
	}
	// RFC 7515 section 4.1.11: extensions that must be understood; none is.
	if _, found := header["crit"]; found {
		return Critical.malformed("the token demands extensions, none is known").At("header.crit")
	}
	var nested string
	for _, field := range []struct {
		name    string
		to      *string
		problem Problem
	}{
		{"alg", &t.Alg, BadAlgorithm}, {"kid", &t.Kid, BadKeyID}, {"typ", &t.Typ, BadType}, {"cty", &nested, BadType},
		{"x5t", &t.X5T, BadKeyID}, {"x5t#S256", &t.X5TS256, BadKeyID},
	} {
		value, found := header[field.name]
		if !found {
			continue
		}
		text, ok := value.(string)
		if !ok || len(text) > MaxKeyID {
			return field.problem.malformed("it is %s, expected a string of at most %d bytes", shape(value), MaxKeyID).
				At("header." + field.name)
		}
		*field.to = text
	}
	if _, ok := algorithms[t.Alg]; !ok {
		return BadAlgorithm.malformed("the algorithm %q is not accepted, expected a public-key signature such as RS256", t.Alg).
			At("header.alg")
	}
	// Media types are compared without case (RFC 7515 section 4.1.9).
	if !slices.Contains(accessTypes, strings.ToLower(t.Typ)) {
		return BadType.malformed("the type %q is not that of an access token, expected JWT or at+jwt", t.Typ).At("header.typ")
	}
	if nested != "" {
		return BadType.malformed("the token holds another one (cty %q), expected claims", nested).At("header.cty")
	}
	return nil
}
