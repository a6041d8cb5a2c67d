package jwt

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/klammhq/klamm/internal/fault"
)

// KeySet finds keys by their id. It is safe for concurrent use.
type KeySet interface {
	// Key finds the key with this id. For the empty id it is the only key of a
	// set of one (RFC 7515 section 4.1.4 leaves kid optional). Errors: NotFound
	// with [UnknownKey] when the set was read and has no such key, Unavailable
	// with [NoKeys] when nobody can say.
	Key(ctx context.Context, kid string) (Key, error)
	// Version changes whenever the keys do.
	Version() uint64
}

const maxKeys = 100 // of one set; Entra publishes about ten

// keys is a set that does not change. A key id that stands twice means the first.
type keys []Key

func (ks keys) find(kid string) (Key, bool) {
	if kid == "" && len(ks) == 1 {
		return ks[0], true
	}
	i := slices.IndexFunc(ks, func(k Key) bool { return kid != "" && k.ID == kid })
	if i < 0 {
		return Key{}, false
	}
	return ks[i], true
}

func (ks keys) equal(other keys) bool { return slices.EqualFunc(ks, other, Key.Equal) }

func (ks keys) ids() []string {
	ids := make([]string, len(ks))
	for i, k := range ks {
		ids[i] = k.ID
	}
	return ids
}

func (ks keys) unknown(kid string) *fault.Error {
	if kid == "" {
		return fault.New(fault.NotFound, "the token names no key and the key set has %d, expected a kid", len(ks)).
			At("header.kid").Because(UnknownKey)
	}
	const shown = 10
	return fault.New(fault.NotFound, "the key set has no key %q, its %d keys begin with %q", kid, len(ks), ks[:min(len(ks), shown)].ids()).
		At("header.kid").Because(UnknownKey)
}

// Static is a key set that never changes.
type Static struct{ keys keys }

// NewStatic makes a set of keys.
func NewStatic(ks ...Key) *Static { return &Static{slices.Clone(ks)} }

// Key implements [KeySet].
func (s *Static) Key(_ context.Context, kid string) (Key, error) {
	if k, ok := s.keys.find(kid); ok {
		return k, nil
	}
	return Key{}, s.keys.unknown(kid)
}

// Version implements [KeySet].
func (*Static) Version() uint64 { return 1 }

// ParseSet reads a JWK set (RFC 7517 section 5). Keys that do not verify
// signatures here (encryption, HMAC, private, unknown or weak ones) are left
// out, as that section asks; certificates in it are ignored. A document that is
// no JWK set is an error.
func ParseSet(data []byte) ([]Key, error) {
	set, fail := parseObject(data)
	if fail != nil {
		return nil, fail
	}
	list, ok := set["keys"].([]any)
	if !ok {
		return nil, fault.New(fault.Malformed, "the key set has no list \"keys\", expected a JWK set (RFC 7517)")
	}
	if len(list) > maxKeys {
		return nil, fault.New(fault.Exhausted, "the key set has %d keys, expected at most %d", len(list), maxKeys)
	}
	found := keys{}
	for i, entry := range list {
		members, ok := entry.(map[string]any)
		if !ok {
			return nil, fault.New(fault.Malformed, "it is %s, expected a JWK object", shape(entry)).At(fmt.Sprintf("keys[%d]", i))
		}
		if k, ok := parseKey(members); ok {
			found = append(found, k)
		}
	}
	return found, nil
}

// certificates are members that name or hold the key a second time. They are
// not read: a mistake in them must not cost the key.
var certificates = []string{"x5c", "x5u", "x5t", "x5t#S256"}

func parseKey(members map[string]any) (Key, bool) {
	if use, found := members["use"]; found && use != "sig" {
		return Key{}, false
	}
	if ops, found := members["key_ops"].([]any); found && !slices.Contains(ops, any("verify")) {
		return Key{}, false
	}
	issuer, ok := members["issuer"].(string)
	if _, found := members["issuer"]; found && !ok {
		return Key{}, false
	}
	for _, name := range certificates {
		delete(members, name)
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return Key{}, false
	}
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(raw); err != nil {
		return Key{}, false
	}
	key, fail := newKey(k.KeyID, k.Key, k.Algorithm, issuer)
	return key, fail == nil
}

// MarshalSet makes a JWK set document of public JWKs.
func MarshalSet(jwks ...json.RawMessage) json.RawMessage {
	raw, err := json.Marshal(map[string]any{"keys": append([]json.RawMessage{}, jwks...)})
	if err != nil {
		// Only a caller's broken RawMessage gets here; an empty set verifies nothing.
		return json.RawMessage(`{"keys":[]}`)
	}
	return raw
}
