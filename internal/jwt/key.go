package jwt

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/klammhq/klamm/internal/fault"
)

// Key is a public key that verifies. The zero Key verifies nothing.
type Key struct {
	ID string // kid; opaque, possibly empty
	// Issuer is the member of that name that Entra adds to its JWKs, possibly
	// with {tenantid} in place of a tenant; callers compare it with iss.
	Issuer string

	public crypto.PublicKey
	algs   []string
	jwk    json.RawMessage
	thumb  string // Thumbprint
}

const minRSABits = 2048 // RFC 7518 sections 3.3 and 3.5

// NewKey makes a key of an *rsa.PublicKey, *ecdsa.PublicKey or
// ed25519.PublicKey. Its algorithms are all that fit its type and curve.
func NewKey(id string, public crypto.PublicKey) (Key, error) {
	k, err := newKey(id, public, "", "")
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// newKey narrows the key to one algorithm when alg is given (RFC 7517 section 4.4).
func newKey(id string, public crypto.PublicKey, alg, issuer string) (Key, *fault.Error) {
	if len(id) > MaxKeyID {
		return Key{}, fault.New(fault.Invalid, "the key id has %d bytes, expected at most %d", len(id), MaxKeyID)
	}
	family, err := familyOf(public)
	if err != nil {
		return Key{}, err
	}
	k := Key{ID: id, Issuer: issuer, public: public}
	for _, name := range slices.Sorted(maps.Keys(algorithms)) {
		if algorithms[name].family == family && (alg == "" || alg == name) {
			k.algs = append(k.algs, name)
		}
	}
	if k.algs == nil {
		return Key{}, fault.New(fault.Unsupported, "the key %q is for %q, which this kind of key (%s) does not verify here", brief(id), brief(alg), family)
	}
	var fail error
	jwk := jose.JSONWebKey{Key: public, KeyID: id, Use: "sig", Algorithm: alg}
	if k.jwk, fail = marshalJWK(jwk, issuer); fail != nil {
		return Key{}, fault.New(fault.Invalid, "the key %q cannot be written as a JWK", brief(id)).Because(fail)
	}
	thumb, fail := jwk.Thumbprint(crypto.SHA256)
	if fail != nil {
		return Key{}, fault.New(fault.Invalid, "the key %q has no thumbprint", brief(id)).Because(fail)
	}
	k.thumb = base64.RawURLEncoding.EncodeToString(thumb)
	return k, nil
}

func familyOf(public crypto.PublicKey) (string, *fault.Error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return "", fault.New(fault.Invalid, "the RSA key has %d bits, expected at least %d", bits, minRSABits)
		}
		if key.E < 3 || key.E%2 == 0 {
			return "", fault.New(fault.Invalid, "the RSA key has exponent %d, expected an odd one from 3", key.E)
		}
		return "RSA", nil
	case *ecdsa.PublicKey:
		return key.Params().Name, nil
	case ed25519.PublicKey:
		return "Ed25519", nil
	}
	return "", fault.New(fault.Unsupported, "a key of type %T does not verify, expected a public RSA, EC or Ed25519 key", public)
}

func marshalJWK(k jose.JSONWebKey, issuer string) (json.RawMessage, error) {
	raw, err := k.MarshalJSON()
	if err != nil || issuer == "" {
		return raw, err
	}
	return withMembers(raw, map[string]any{"issuer": issuer})
}

// withMembers adds or replaces members of a JSON object.
func withMembers(raw json.RawMessage, extra map[string]any) (json.RawMessage, error) {
	members := map[string]any{}
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	maps.Copy(members, extra)
	return json.Marshal(members)
}

// Algorithms are those that the key verifies, sorted.
func (k Key) Algorithms() []string { return slices.Clone(k.algs) }

// Equal reports whether both are the same key with the same id, algorithms and issuer.
func (k Key) Equal(other Key) bool { return bytes.Equal(k.jwk, other.jwk) }

// Thumbprint names the key itself, whatever its id: RFC 7638 with SHA-256, in
// base64url.
func (k Key) Thumbprint() string { return k.thumb }

// JWK is the public key as RFC 7517 writes it, with the member issuer when it has one.
func (k Key) JWK() json.RawMessage { return slices.Clone(k.jwk) }

func (k Key) allows(alg string) bool { return slices.Contains(k.algs, alg) }
