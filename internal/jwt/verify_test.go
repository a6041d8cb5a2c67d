package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

func verify(text string, k jwt.Key) error {
	token, err := jwt.Parse(secret.New(text))
	if err != nil {
		return err
	}
	return token.Verify(k)
}

// TestVerifyAlgorithms signs with every algorithm, by go-jose and not by us,
// and verifies with every key.
func TestVerifyAlgorithms(t *testing.T) {
	private := map[string]any{
		"RSA":     rsaPrivate(),
		"P-256":   must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"P-384":   must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"P-521":   must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
		"Ed25519": ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
	}
	public := map[string]jwt.Key{}
	for family, key := range private {
		public[family] = must(jwt.NewKey("k", (&jose.JSONWebKey{Key: key}).Public().Key))
	}
	for alg, family := range map[string]string{
		"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
		"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519",
	} {
		signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: private[family]}, nil))
		text := must(must(signer.Sign([]byte(simple))).CompactSerialize())
		for other, key := range public {
			err := verify(text, key)
			switch {
			case other == family && err != nil:
				t.Errorf("%s with its key: %v", alg, err)
			case other != family && jwt.ProblemOf(err) != jwt.WrongKey:
				t.Errorf("%s with a key of %s: %v", alg, other, err)
			}
		}
	}
}

// TestVerifyAttacks changes a good token and its header.
func TestVerifyAttacks(t *testing.T) {
	key := ecKey()
	good := sign(t, key, nil, map[string]any{"sub": canary})
	parts := strings.Split(good, ".")
	header := func(text string) string { return encode(text) + "." + parts[1] + "." + parts[2] }
	signature := func(raw []byte) string {
		return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(raw)
	}
	raw := must(base64.RawURLEncoding.DecodeString(parts[2]))
	half := slices.Concat(raw[:32], make([]byte, 32))
	der, derKey := asn1Signed()

	for name, c := range map[string]struct {
		token string
		key   jwt.Key
		want  jwt.Problem
	}{
		"good":                        {good, key.Public(), ""},
		"zero key":                    {good, jwt.Key{}, jwt.WrongKey},
		"another key":                 {good, must(jwt.GenerateEC()).Public(), jwt.BadSignature},
		"other claims":                {parts[0] + "." + encode(`{"sub":"root"}`) + "." + parts[2], key.Public(), jwt.BadSignature},
		"other header":                {header(`{"alg":"ES256"}`), key.Public(), jwt.BadSignature},
		"ES384 with a P-256 key":      {header(`{"alg":"ES384"}`), key.Public(), jwt.WrongKey},
		"RS256 with an EC key":        {header(`{"alg":"RS256"}`), key.Public(), jwt.WrongKey},
		"ES256 with an RSA key":       {good, rsaKey().Public(), jwt.WrongKey},
		"PS256 of an RS256 signature": {restated(t, `{"alg":"PS256"}`), rsaKey().Public(), jwt.BadSignature},
		"r and s are zero":            {signature(make([]byte, 64)), key.Public(), jwt.BadSignature}, // CVE-2022-21449
		"s is zero":                   {signature(half), key.Public(), jwt.BadSignature},
		"signature of a byte":         {signature(raw[:1]), key.Public(), jwt.BadSignature},
		"PS256 without salt":          {unsalted(), rsaKey().Public(), jwt.BadSignature},
		"signature too short":         {signature(raw[:63]), key.Public(), jwt.BadSignature},
		"signature too long":          {signature(append(slices.Clone(raw), 0)), key.Public(), jwt.BadSignature},
		"signature in ASN.1":          {der, derKey, jwt.BadSignature},
	} {
		err := verify(c.token, c.key)
		if got := jwt.ProblemOf(err); got != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (fault.KindOf(err) != fault.Unauthenticated || strings.Contains(fault.Detail(err), canary)) {
			t.Errorf("%s: kind %q: %s", name, fault.KindOf(err), fault.Detail(err))
		}
	}
	for i := range raw {
		flipped := slices.Clone(raw)
		flipped[i] ^= 1
		if err := verify(signature(flipped), key.Public()); jwt.ProblemOf(err) != jwt.BadSignature {
			t.Fatalf("a bit of byte %d changed: %v", i, err)
		}
	}
}

// restated is an RS256 token under another header, correctly RS256-signed.
func restated(t *testing.T, header string) string {
	t.Helper()
	signed := encode(header) + "." + encode(simple)
	good := sign(t, rsaKey(), nil, map[string]any{})
	return signed + good[strings.LastIndexByte(good, '.'):]
}

// asn1Signed is an ES256 token whose signature is DER, as X.509 writes it.
func asn1Signed() (string, jwt.Key) {
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	signed := encode(`{"alg":"ES256"}`) + "." + encode(simple)
	digest := sha256.Sum256([]byte(signed))
	signature := must(ecdsa.SignASN1(rand.Reader, private, digest[:]))
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), must(jwt.NewKey("k", private.Public()))
}

// unsalted is a valid RSA-PSS signature, but not the one of RFC 7518 section 3.5.
func unsalted() string {
	signed := encode(`{"alg":"PS256"}`) + "." + encode(simple)
	digest := sha256.Sum256([]byte(signed))
	signature := must(rsa.SignPSS(rand.Reader, rsaPrivate(), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 20}))
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestNewKeyRefuses(t *testing.T) {
	weak := &rsa.PublicKey{N: rsaPublic().N, E: 2}
	short := &rsa.PublicKey{N: must(rsa.GenerateKey(rand.Reader, 1024)).N, E: 65537}
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).Public()
	for name, public := range map[string]any{
		"RSA exponent 2": weak, "RSA 1024": short, "P-224": p224, "symmetric": []byte("secret"), "private": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), "nil": nil,
	} {
		if _, err := jwt.NewKey("k", public); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := jwt.NewKey(strings.Repeat("k", 257), rsaPublic()); err == nil {
		t.Error("a key id of 257 bytes was accepted")
	}
}

func TestParseSet(t *testing.T) {
	rsaJWK := func(extra map[string]any) string { return string(rsaKey().JWK(extra)) }
	one := func(jwk string) string { return `{"keys":[` + jwk + `]}` }
	for name, c := range map[string]struct {
		set  string
		want string // algorithms of the keys, or "error"
	}{
		"RSA":                     {one(rsaJWK(nil)), "[PS256 PS384 PS512 RS256 RS384 RS512]"},
		"RSA with alg":            {one(rsaJWK(map[string]any{"alg": "RS256"})), "[RS256]"},
		"RSA without use":         {one(`{"kty":"RSA","e":"AQAB","n":` + member(rsaJWK(nil), "n") + `}`), "[PS256 PS384 PS512 RS256 RS384 RS512]"},
		"EC":                      {one(string(ecKey().JWK(nil))), "[ES256]"},
		"Entra":                   {one(rsaJWK(map[string]any{"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0", "x5t": "wrong", "x5c": []string{"broken"}, "cloud_instance_name": "x"})), "[PS256 PS384 PS512 RS256 RS384 RS512]"},
		"key_ops verify":          {one(rsaJWK(map[string]any{"key_ops": []string{"verify"}})), "[PS256 PS384 PS512 RS256 RS384 RS512]"},
		"key_ops encrypt":         {one(rsaJWK(map[string]any{"key_ops": []string{"encrypt"}})), ""},
		"use enc":                 {one(rsaJWK(map[string]any{"use": "enc"})), ""},
		"use number":              {one(rsaJWK(map[string]any{"use": 1})), ""},
		"issuer number":           {one(rsaJWK(map[string]any{"issuer": 1})), ""},
		"alg HS256 on RSA":        {one(rsaJWK(map[string]any{"alg": "HS256"})), ""},
		"alg none":                {one(rsaJWK(map[string]any{"alg": "none"})), ""},
		"alg RSA-OAEP":            {one(rsaJWK(map[string]any{"alg": "RSA-OAEP"})), ""},
		"alg ES256 on RSA":        {one(rsaJWK(map[string]any{"alg": "ES256"})), ""},
		"kid number":              {one(rsaJWK(map[string]any{"kid": 1})), ""},
		"kid too long":            {one(rsaJWK(map[string]any{"kid": strings.Repeat("k", 257)})), ""},
		"symmetric":               {one(`{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}`), ""},
		"unknown kty":             {one(`{"kty":"LATTICE"}`) + ` `, ""},
		"RSA 1024":                {one(fmt.Sprintf(`{"kty":"RSA","e":"AQAB","n":"%s"}`, strings.Repeat("q", 171))), ""},
		"point not on the curve":  {one(fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":"%s","y":"%s"}`, strings.Repeat("A", 43), strings.Repeat("A", 43))), ""},
		"bad keys beside good":    {one(`{"kty":"oct","k":"AA"},{},` + string(ecKey().JWK(nil))), "[ES256]"},
		"empty":                   {`{"keys":[]}`, ""},
		"100 keys":                {one(strings.TrimSuffix(strings.Repeat(`{},`, 100), ",")), ""},
		"101 keys":                {one(strings.TrimSuffix(strings.Repeat(`{},`, 101), ",")), "error"},
		"no keys":                 {`{}`, "error"},
		"keys null":               {`{"keys":null}`, "error"},
		"keys in capitals":        {`{"KEYS":[]}`, "error"},
		"keys twice":              {`{"keys":[],"keys":[]}`, "error"},
		"a member twice":          {one(`{"kty":"oct","kty":"RSA"}`), "error"},
		"entry is a string":       {one(`"x"`), "error"},
		"a list":                  {`[]`, "error"},
		"a discovery document":    {`{"issuer":"https://id.example","jwks_uri":"https://id.example/keys"}`, "error"},
		"HTML":                    {`<!doctype html><html></html>`, "error"},
		"nothing":                 {``, "error"},
		"something follows":       {`{"keys":[]}{"keys":[]}`, "error"},
		"nested without an end":   {strings.Repeat(`{"keys":[`, 20000), "error"},
		"private members present": {one(privateJWK()), ""},
	} {
		keys, err := jwt.ParseSet([]byte(c.set))
		got := ""
		for _, k := range keys {
			got += fmt.Sprint(k.Algorithms())
		}
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
}

func privateJWK() string {
	return string(must(jose.JSONWebKey{Key: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), KeyID: "k"}.MarshalJSON()))
}

func member(object, name string) string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		panic(err)
	}
	return string(members[name])
}

func TestStatic(t *testing.T) {
	a, b := ecKey().Public(), rsaKey().Public()
	nameless := must(jwt.NewKey("", rsaPublic()))
	one, two := jwt.NewStatic(a), jwt.NewStatic(a, b)
	for name, c := range map[string]struct {
		set  *jwt.Static
		kid  string
		want string
	}{
		"by id": {two, b.ID, b.ID}, "no kid, one key": {one, "", a.ID}, "no kid, two keys": {two, "", ""},
		"no kid, one nameless of two": {jwt.NewStatic(a, nameless), "", ""},
		"unknown":                     {one, "other", ""}, "prefix": {one, a.ID[:5], ""}, "zero set": {new(jwt.Static), "", ""}, "path": {one, "../" + a.ID, ""},
	} {
		k, err := c.set.Key(t.Context(), c.kid)
		if k.ID != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, k.ID, err)
		}
		if err != nil && (fault.KindOf(err) != fault.NotFound || jwt.ProblemOf(err) != jwt.UnknownKey) {
			t.Errorf("%s: %v of kind %q", name, err, fault.KindOf(err))
		}
	}
	if !a.Equal(ecKey().Public()) || a.Equal(b) || a.Equal(jwt.Key{}) {
		t.Error("Equal is wrong")
	}
}
