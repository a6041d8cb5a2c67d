package jwt_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

func TestSign(t *testing.T) {
	for name, key := range map[string]*jwt.SigningKey{"RS256": rsaKey(), "ES256": ecKey(), "ES384": fromPEM(t, elliptic.P384()), "EdDSA": edKey(t)} {
		text := sign(t, key, map[string]any{"typ": "at+jwt", "x5t": key.X5T()}, map[string]any{"iss": "https://id.example"})
		token, err := jwt.Parse(secret.New(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if token.Alg != name || key.Alg() != name || token.Kid != key.Kid || token.X5T != key.X5T() || token.Typ != "at+jwt" {
			t.Errorf("%s: alg %q, kid %q, x5t %q, typ %q", name, token.Alg, token.Kid, token.X5T, token.Typ)
		}
		// The key that its published set yields.
		keys := must(jwt.ParseSet(jwt.MarshalSet(key.JWK(map[string]any{"x5t": key.X5T(), "x5c": key.X5C()}))))
		if len(keys) != 1 || keys[0].ID != key.Kid || token.Verify(keys[0]) != nil || token.Verify(key.Public()) != nil {
			t.Errorf("%s: its own key does not verify it: %v", name, keys)
		}
	}
}

func TestSignHeader(t *testing.T) {
	key := ecKey()
	token := must(jwt.Parse(secret.New(sign(t, key, map[string]any{"kid": "other", "alg": "ES256"}, map[string]any{}))))
	if token.Kid != "other" || token.Typ != "" {
		t.Errorf("kid %q, typ %q", token.Kid, token.Typ)
	}
	for _, alg := range []any{"none", "HS256", "RS256", nil} {
		if _, err := key.Sign(map[string]any{"alg": alg}, map[string]any{}); err == nil {
			t.Errorf("alg %v was signed by an ES256 key", alg)
		}
	}
	if _, err := key.Sign(nil, make(chan int)); err == nil {
		t.Error("claims that are no JSON were signed")
	}
}

func TestJWK(t *testing.T) {
	key := must(jwt.GenerateEC())
	key.Kid = "k1"
	var got map[string]any
	if err := json.Unmarshal(key.JWK(map[string]any{"issuer": "https://id.example/{tenantid}"}), &got); err != nil {
		t.Fatal(err)
	}
	for member, want := range map[string]any{"kty": "EC", "use": "sig", "kid": "k1", "crv": "P-256", "issuer": "https://id.example/{tenantid}"} {
		if got[member] != want {
			t.Errorf("%s: %v, want %v", member, got[member], want)
		}
	}
	if _, found := got["d"]; found {
		t.Error("the private key is published")
	}
	keys := must(jwt.ParseSet(jwt.MarshalSet(key.JWK(map[string]any{"issuer": "https://id.example/{tenantid}"}))))
	if keys[0].Issuer != "https://id.example/{tenantid}" {
		t.Errorf("issuer %q", keys[0].Issuer)
	}
	if string(jwt.MarshalSet()) != `{"keys":[]}` {
		t.Errorf("the empty set is %s", jwt.MarshalSet())
	}
}

// TestClientAssertion is RFC 7523 as MSAL sends it: the certificate is
// registered, the assertion names it by thumbprint.
func TestClientAssertion(t *testing.T) {
	key := rsaKey()
	der := must(base64.StdEncoding.DecodeString(key.X5C()[0]))
	registered, err := jwt.KeyFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	certificate := must(x509.ParseCertificate(der))
	assertion := must(jwt.Parse(secret.New(sign(t, key, map[string]any{"typ": "JWT", "x5t#S256": jwt.X5TS256(certificate)}, map[string]any{"sub": "client"}))))
	if registered.ID != key.X5T() || assertion.X5TS256 != jwt.X5TS256(certificate) || assertion.Verify(registered) != nil {
		t.Errorf("id %q, x5t#S256 %q, %v", registered.ID, assertion.X5TS256, assertion.Verify(registered))
	}
	if bare, err := jwt.KeyFromPEM(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(rsaPublic()))})); err != nil || assertion.Verify(bare) != nil {
		t.Errorf("a bare public key: %v", err)
	}
	for _, text := range []string{"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if _, err := jwt.KeyFromPEM([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestFromPEMRefuses(t *testing.T) {
	for _, text := range []string{"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if _, err := jwt.FromPEM([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if _, err := jwt.GenerateRSA(1024); err == nil {
		t.Error("an RSA key of 1024 bits was made")
	}
	if key, err := jwt.GenerateRSA(2048); err != nil || key.Alg() != "RS256" {
		t.Errorf("no RSA key was made: %v", err)
	}
}

// fromPEM reads a key in SEC 1, edKey one in PKCS #8.
func fromPEM(t *testing.T, curve elliptic.Curve) *jwt.SigningKey {
	t.Helper()
	der := must(x509.MarshalECPrivateKey(must(ecdsa.GenerateKey(curve, rand.Reader))))
	return must(jwt.FromPEM(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
}

func edKey(t *testing.T) *jwt.SigningKey {
	t.Helper()
	der := must(x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))))
	return must(jwt.FromPEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func TestSigningKeyPrintsNothing(t *testing.T) {
	key := edKey(t) // a byte slice, which every verb would write out
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{key, *key, struct{ K jwt.SigningKey }{*key}} {
			if text := fmt.Sprintf(verb, value); len(text) > 60 {
				t.Errorf("%s prints %d bytes of a private key's holder", verb, len(text))
			}
		}
	}
	if text := must(json.Marshal(key)); string(text) != `"[redacted]"` {
		t.Errorf("JSON is %s", text)
	}
}
