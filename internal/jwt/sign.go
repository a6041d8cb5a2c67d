package jwt

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/go-jose/go-jose/v4"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// Alg is the algorithm that the key signs with.
func (k *SigningKey) Alg() string { return k.alg }

// Sign makes a token. The header gets alg and kid from the key; header may add
// others and replace kid. The claims are anything that marshals to an object.
func (k *SigningKey) Sign(header map[string]any, claims any) (string, error) {
	if alg, found := header["alg"]; found && alg != k.alg {
		return "", fault.New(fault.Invalid, "the header asks for alg %v, the key signs %s", alg, k.alg)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fault.New(fault.Invalid, "the claims cannot be written as JSON").Because(err)
	}
	options := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{"kid": k.Kid}}
	for name, value := range header {
		options.ExtraHeaders[jose.HeaderKey(name)] = value
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.alg), Key: k.private}, options)
	if err != nil {
		return "", fault.New(fault.Internal, "the key cannot sign").Because(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fault.New(fault.Internal, "the claims cannot be signed").Because(err)
	}
	return signed.CompactSerialize()
}

// Public is the key that verifies what k signs.
func (k *SigningKey) Public() Key {
	// The kind of key was checked when k was made, so that only its id can fail.
	public, err := NewKey(k.Kid, k.public.public)
	if err != nil {
		return Key{}
	}
	return public
}

// X5T is the SHA-1 thumbprint of the key's certificate, base64url.
func (k *SigningKey) X5T() string { return X5T(k.certificate) }

// X5C is the key's self-signed certificate as a JWK's x5c: DER in base64, padded.
func (k *SigningKey) X5C() []string {
	return []string{base64.StdEncoding.EncodeToString(k.certificate.Raw)}
}

// JWK is the public key for a JWK set: kty, use, kid and the key itself; extra
// adds or replaces members, such as x5t, x5c, issuer or alg.
func (k *SigningKey) JWK(extra map[string]any) json.RawMessage {
	members := map[string]any{"kid": k.Kid}
	maps.Copy(members, extra)
	raw, err := withMembers(k.public.jwk, members)
	if err != nil {
		return nil // extra does not marshal; MarshalSet shows it as a set without this key
	}
	return raw
}

// Format keeps every verb, and so every logger, from the private key.
func (SigningKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// MarshalJSON keeps encoders from the private key; the public one is [SigningKey.JWK].
func (SigningKey) MarshalJSON() ([]byte, error) { return []byte(`"` + secret.Redacted + `"`), nil }
