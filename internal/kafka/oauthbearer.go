package kafka

import (
	"bytes"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// Limits of an OAUTHBEARER client message, checked before anything is copied.
const (
	MaxToken          = 32 << 10 // bytes of the token
	MaxExtensions     = 32       // extensions in one message
	MaxExtensionValue = 8 << 10  // bytes of one value: a long list of pools
)

// OAuthBearer is the first message of an OAUTHBEARER client (RFC 7628
// section 3.1). Its extensions are claims of the client's and prove nothing.
type OAuthBearer struct {
	Token      secret.String
	Extensions Extensions
}

// separator is kvsep of RFC 7628.
const separator = '\x01'

// Abort is what a client answers to an error challenge (RFC 7628 section 3.2.3).
const Abort = "\x01"

// ParseOAuthBearer reads
//
//	gs2-header kvsep *(key "=" value kvsep) kvsep
//
// strictly. The gs2-header (RFC 5801) is "n,," or "n,a=,": no channel binding,
// which Kafka has none of, and no authorization identity. Kafka refuses one
// that is not the token's principal; here the principal comes from the token
// and the pool, so a client that asks to be somebody is refused. Errors are
// Malformed and never quote the message.
func ParseOAuthBearer(message []byte) (OAuthBearer, error) {
	header, rest, ok := bytes.Cut(message, []byte{separator})
	if !ok {
		return OAuthBearer{}, malformed("has no \\x01 after its gs2-header, expected n,, and then pairs (RFC 7628 section 3.1)")
	}
	if err := checkGS2(string(header)); err != nil {
		return OAuthBearer{}, err
	}
	if len(rest) == 0 || rest[len(rest)-1] != separator {
		return OAuthBearer{}, malformed("does not end in \\x01, expected one after the last pair")
	}
	var found OAuthBearer
	for rest = rest[:len(rest)-1]; len(rest) > 0; {
		pair, after, ok := bytes.Cut(rest, []byte{separator})
		if !ok {
			return OAuthBearer{}, malformed("has a pair without its \\x01, expected one after each")
		}
		if err := found.add(pair); err != nil {
			return OAuthBearer{}, err
		}
		rest = after
	}
	if found.Token.IsZero() {
		return OAuthBearer{}, malformed("has no auth, expected auth=Bearer and the token").Mend("%s", mendToken)
	}
	return found, nil
}

// mendToken is for a client that has nothing to show.
const mendToken = "send the access token that the identity provider issued; look whether the client's token source gave one"

func malformed(format string, args ...any) *fault.Error {
	return fault.New(fault.Malformed, "the OAUTHBEARER message "+format, args...)
}

func checkGS2(header string) error {
	identity, ok := strings.CutPrefix(header, "n,")
	if !ok {
		return malformed("asks for channel binding, expected a gs2-header of n,,")
	}
	switch identity {
	case ",", "a=,":
		return nil
	}
	return malformed("names an authorization identity, expected a gs2-header of n,,").
		Mend("remove the authorization identity from the client; the identity pool decides who it is")
}

func (m *OAuthBearer) add(pair []byte) error {
	if value, ok := bytes.CutPrefix(pair, []byte("auth=")); ok {
		if !m.Token.IsZero() {
			return malformed("has auth twice, expected one token")
		}
		token, err := bearer(value)
		m.Token = token
		return err
	}
	e, err := parseExtension(pair)
	if err != nil {
		return err
	}
	if _, twice := m.Extensions.Get(e.Name); twice {
		return malformed("has %s twice, expected each once, in whatever case", extension([]byte(e.Name)))
	}
	if len(m.Extensions) == MaxExtensions {
		return malformed("has too many extensions, expected at most %d", MaxExtensions)
	}
	m.Extensions = append(m.Extensions, e)
	return nil
}

// bearer reads `"Bearer" 1*SP b64token` (RFC 6750 section 2.1); the scheme has
// no case (RFC 9110 section 11.1).
func bearer(value []byte) (secret.String, error) {
	scheme, token, _ := bytes.Cut(value, []byte(" "))
	if !strings.EqualFold(string(scheme), "Bearer") {
		return secret.String{}, malformed("has an auth that is not Bearer, expected auth=Bearer and the token (RFC 6750 section 2.1)")
	}
	token = bytes.TrimLeft(token, " ")
	if len(token) > MaxToken {
		return secret.String{}, malformed("has a token of %d bytes, expected at most %d", len(token), MaxToken).
			Mend("ask for fewer claims; many groups in a token are better replaced by application roles")
	}
	text := bytes.TrimRight(token, "=")
	if len(text) == 0 {
		return secret.String{}, malformed("has an empty token, expected a JWT access token").Mend("%s", mendToken)
	}
	for _, c := range text {
		if !isLetter(c) && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/", rune(c)) {
			return secret.String{}, malformed("has a token with a character that no bearer token has, expected A-Z a-z 0-9 - . _ ~ + / and = at the end").
				Mend("look for a line end, a quote or a blank around the token")
		}
	}
	return secret.New(string(token)), nil
}
