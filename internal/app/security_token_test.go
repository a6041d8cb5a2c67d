package app

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/iam"
)

// The tests of this and the neighbouring files are named after the rows of
// docs/security.md. Each attack is a login over TCP and TLS at a whole gateway.

func TestSecurity_01_AlgorithmConfusion(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	h.idp.publish(rsaKey(), ecKey())
	h.letIn("RS256 by the RSA key", here(sign(t, rsaKey(), nil, h.claims(nil))))
	h.letIn("ES256 by the EC key", here(h.token(nil)))

	public := certificateOf(t, rsaKey()).PublicKey.(*rsa.PublicKey)
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	var attacks []attack
	for name, secret := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}), "DER": pkix, "PKCS1": x509.MarshalPKCS1PublicKey(public),
		"modulus": public.N.Bytes(), "JWK": rsaKey().JWK(nil), "certificate": certificateOf(t, rsaKey()).Raw, "nothing": nil,
	} {
		for _, alg := range []string{"HS256", "hs256"} {
			attacks = append(attacks, attack{alg + " with the " + name, here(forge(map[string]any{"alg": alg, "kid": rsaKey().Kid}, h.claims(nil), func(signed string) []byte {
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(signed))
				return mac.Sum(nil)
			})), authn.TokenAlgorithm})
		}
	}
	rs, es := sign(t, rsaKey(), nil, h.claims(nil)), h.token(nil)
	for _, alg := range []string{"PS256", "RS512", "ES256", "ES384", "EdDSA"} {
		attacks = append(attacks, attack{"an RSA signature called " + alg, here(reheaded(rs, map[string]any{"alg": alg, "kid": rsaKey().Kid})), authn.BadSignature})
	}
	for _, alg := range []string{"RS256", "ES384", "ES512", "EdDSA", "PS256"} {
		attacks = append(attacks, attack{"an EC signature called " + alg, here(reheaded(es, map[string]any{"alg": alg, "kid": ecKey().Kid})), authn.BadSignature})
	}
	attacks = append(attacks,
		attack{"the EC key under the RSA key's id", here(sign(t, ecKey(), map[string]any{"kid": rsaKey().Kid}, h.claims(nil))), authn.BadSignature},
		attack{"the RSA key under the EC key's id", here(sign(t, rsaKey(), map[string]any{"kid": ecKey().Kid}, h.claims(nil))), authn.BadSignature},
		attack{"another key under the EC key's id", here(sign(t, otherKey(), map[string]any{"kid": ecKey().Kid}, h.claims(nil))), authn.BadSignature},
	)
	h.repel(attacks)
}

func TestSecurity_02_UnsignedTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	unsigned := func(string) []byte { return nil }
	junk := func(string) []byte { return []byte("x") }
	var attacks []attack
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "null", "RS0", "HS0"} {
		header := map[string]any{"alg": alg, "kid": ecKey().Kid}
		attacks = append(attacks,
			attack{"alg " + alg + " without a signature", here(forge(header, h.claims(nil), unsigned)), authn.TokenAlgorithm},
			attack{"alg " + alg + " with one", here(forge(header, h.claims(nil), junk)), authn.TokenAlgorithm})
	}
	good := h.token(nil)
	attacks = append(attacks,
		attack{"no alg", here(forge(map[string]any{"kid": ecKey().Kid}, h.claims(nil), junk)), authn.TokenAlgorithm},
		attack{"alg null", here(forge(`{"alg":null}`, h.claims(nil), junk)), authn.TokenAlgorithm},
		attack{"alg a list", here(forge(`{"alg":["none","ES256"]}`, h.claims(nil), junk)), authn.TokenAlgorithm},
		attack{"the signature cut off", here(good[:strings.LastIndexByte(good, '.')+1]), authn.TokenMalformed},
		attack{"the signature and its dot cut off", here(good[:strings.LastIndexByte(good, '.')]), authn.TokenMalformed},
		attack{"a signature of zeros (CVE-2022-21449)", here(forge(map[string]any{"alg": "ES256", "kid": ecKey().Kid}, h.claims(nil), func(string) []byte { return make([]byte, 64) })), authn.BadSignature},
		attack{"claims changed under a good signature", here(swapClaims(good, h.claims(role("admin")))), authn.BadSignature},
	)
	h.repel(attacks)
}

// swapClaims puts other claims between the header and signature of a token.
func swapClaims(token string, claims any) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + part(claims) + "." + parts[2]
}

func TestSecurity_06_KeysNamedByTheToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	var lured atomic.Int64 // at the attacker's addresses
	evil := newIDP(t)
	evil.publish(otherKey())
	evil.other.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		lured.Add(1)
		_, _ = w.Write(keySet(otherKey()))
	})
	x5c := map[string]any{"x5c": otherKey().X5C(), "x5t": otherKey().X5T()}
	lures := map[string]map[string]any{
		"jku": {"jku": evil.url + "/jku"}, "x5u": {"x5u": evil.url + "/x5u"}, "jwk": {"jwk": otherKey().JWK(nil)}, "x5c": x5c,
		"jku of our own provider": {"jku": h.idp.url + "/keys#@" + evil.url},
	}
	ids := map[string]string{"the provider's key id": ecKey().Kid, "an id of its own": otherKey().Kid}
	var attacks []attack
	for name, lure := range lures {
		for which, kid := range ids {
			header := maps.Clone(lure)
			header["kid"], header["alg"] = kid, "ES256"
			code := authn.BadSignature
			if kid != ecKey().Kid {
				code = authn.UnknownKey
			}
			attacks = append(attacks, attack{name + " with " + which, here(sign(t, otherKey(), header, h.claims(nil))), code})
		}
	}
	for _, kid := range []string{"../../../../etc/passwd", "/dev/null", "x' UNION SELECT 'key", "$(id)", "\x00", "kid\n", evil.url + "/keys"} {
		attacks = append(attacks, attack{fmt.Sprintf("kid %q", kid), here(sign(t, otherKey(), map[string]any{"kid": kid}, h.claims(nil))), authn.UnknownKey})
	}
	attacks = append(attacks,
		attack{"a long kid", here(sign(t, otherKey(), map[string]any{"kid": strings.Repeat("k", 257)}, h.claims(nil))), authn.TokenMalformed},
		attack{"a kid that is a number", here(forge(`{"alg":"ES256","kid":7}`, h.claims(nil), func(string) []byte { return make([]byte, 64) })), authn.TokenMalformed},
		attack{"crit of something", here(reheaded(h.token(nil), map[string]any{"alg": "ES256", "kid": ecKey().Kid, "crit": []string{"exp"}, "exp": 1})), authn.TokenMalformed},
		attack{"crit of nothing", here(reheaded(h.token(nil), map[string]any{"alg": "ES256", "kid": ecKey().Kid, "crit": []string{}})), authn.TokenMalformed},
		attack{"crit b64", here(reheaded(h.token(nil), map[string]any{"alg": "ES256", "kid": ecKey().Kid, "crit": []string{"b64"}, "b64": false})), authn.TokenMalformed},
	)
	h.repel(attacks)
	if lured.Load()+evil.hits.Load() > 0 {
		t.Errorf("%d requests went to addresses that tokens named", lured.Load()+evil.hits.Load())
	}
	h.letIn("a good token with a jku that nobody follows", here(sign(t, ecKey(), map[string]any{"jku": evil.url + "/jku"}, h.claims(nil))))
}

func TestSecurity_10_IssuerAndAudienceConfusion(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{more: `
{kind: IdentityProvider, id: op-other, issuer: "https://idp.test/other", jwks_uri: "KEYS2", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityProvider, id: op-off, issuer: "https://idp.test/off", jwks_uri: "KEYS", ca: ca.pem, disabled: true}
---
{kind: IdentityPool, id: pool-other, provider: op-other, filter: 'claims.aud == "kafka"'}
---
{kind: IdentityProvider, id: op-entra, issuer: "https://sts.test/11111111-2222-3333-4444-555555555555/v2.0", jwks_uri: "KEYS", ca: ca.pem, type: entra, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-entra, provider: op-entra, filter: 'claims.aud == "kafka"'}
`})
	h.idp.other.HandleFunc("/keys2", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(otherKey())) })
	const other, entra, tenant = "https://idp.test/other", "https://sts.test/11111111-2222-3333-4444-555555555555/v2.0", "11111111-2222-3333-4444-555555555555"
	h.letIn("the other provider's own", here(sign(t, otherKey(), nil, h.claims(map[string]any{"iss": other}))))

	var attacks []attack
	with := func(name string, change map[string]any, code iam.Code) {
		attacks = append(attacks, attack{name, here(h.token(change)), code})
	}
	for _, iss := range []any{issuer + "/", "https://IDP.test/main", "HTTPS://idp.test/main", "http://idp.test/main", "https://idp.test/main ", "https://idp.test/main?x",
		"https://idp.test:443/main", "https://idp.test/main/../main", "https://idp.test/m%61in", "", nil, 7, []string{issuer}, map[string]any{issuer: issuer}, "op-main"} {
		with(fmt.Sprintf("iss %v", iss), map[string]any{"iss": iss}, authn.UnknownIssuer)
	}
	with("a disabled provider", map[string]any{"iss": "https://idp.test/off"}, authn.IssuerDisabled)
	for _, aud := range []any{"kafk", "Kafka", "kafka ", "kafka,other", "", nil, []string{}, []string{"x", "y"}, []any{"kafka", 7}, map[string]any{"kafka": true}, 7, true} {
		with(fmt.Sprintf("aud %v", aud), map[string]any{"aud": aud}, authn.Audience)
	}
	for _, typ := range []string{"id_token", "logout+jwt", "dpop+jwt", "JOSE", "application/json", "jwt+at", "secevent+jwt"} {
		attacks = append(attacks, attack{"typ " + typ, here(sign(t, ecKey(), map[string]any{"typ": typ}, h.claims(nil))), authn.TokenType})
	}
	attacks = append(attacks,
		attack{"the other provider's key", here(sign(t, otherKey(), nil, h.claims(nil))), authn.UnknownKey},
		attack{"the other provider's key under our key's id", here(sign(t, otherKey(), map[string]any{"kid": ecKey().Kid}, h.claims(nil))), authn.BadSignature},
		attack{"our key for the other issuer", here(h.token(map[string]any{"iss": other})), authn.UnknownKey},
		attack{"the other provider's pool", here(h.token(nil), "identityPoolId=pool-other"), authn.ForeignPool},
	)
	good := map[string]any{"iss": entra, "ver": "2.0", "tid": tenant, "azp": "app"}
	h.letIn("an Entra token", here(h.token(good)))
	bad := func(name string, code iam.Code, change map[string]any) {
		c := maps.Clone(good)
		maps.Copy(c, change)
		with("Entra: "+name, c, code)
	}
	bad("version 1", authn.EntraVersion, map[string]any{"ver": "1.0"})
	bad("no version", authn.EntraVersion, map[string]any{"ver": nil})
	bad("version as a number", authn.EntraVersion, map[string]any{"ver": 2})
	bad("another tenant", authn.EntraTenant, map[string]any{"tid": "99999999-2222-3333-4444-555555555555"})
	bad("no tenant", authn.EntraTenant, map[string]any{"tid": nil})
	bad("no client", authn.EntraClient, map[string]any{"azp": nil})
	for _, mark := range []string{"nonce", "at_hash", "c_hash"} {
		bad("an ID token with "+mark, authn.IDToken, map[string]any{mark: "x"})
	}
	h.repel(attacks)

	for _, twice := range []string{
		`{kind: IdentityProvider, id: op-twin, issuer: "https://idp.test/main", jwks_uri: "KEYS", ca: ca.pem}`,
		`{kind: IdentityProvider, id: op-any, issuer: "https://idp.test/{tenantid}", jwks_uri: "KEYS", ca: ca.pem}`,
		`{kind: IdentityProvider, id: op-ms, issuer: "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", jwks_uri: "KEYS", ca: ca.pem, type: entra}`,
	} {
		if err := h.accepts(houseOptions{more: twice}); err == nil {
			t.Errorf("accepted: %s", twice)
		}
	}
}

func TestSecurity_11_Times(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	now := time.Now().Unix()
	for name, change := range map[string]map[string]any{
		"nbf within the tolerance": {"nbf": now + 30}, "iat within the tolerance": {"iat": now + 30}, "no nbf, no iat": {"nbf": nil, "iat": nil},
		"fractions": {"exp": float64(now) + 600.5}, "24 h": {"iat": now, "exp": now + 24*3600},
	} {
		h.letIn(name, here(h.token(change)))
	}
	var attacks []attack
	for _, a := range []struct {
		name   string
		change map[string]any
		code   iam.Code
	}{
		{"no exp", map[string]any{"exp": nil}, authn.MissingExpiry},
		{"exp a second ago", map[string]any{"exp": now - 1}, authn.Expired},
		{"exp now", map[string]any{"exp": now}, authn.Expired},
		{"exp 0", map[string]any{"exp": 0}, authn.Expired},
		{"exp negative", map[string]any{"exp": -1}, authn.TimeMalformed},
		{"exp a text", map[string]any{"exp": fmt.Sprint(now + 600)}, authn.TimeMalformed},
		{"exp true", map[string]any{"exp": true}, authn.TimeMalformed},
		{"exp a list", map[string]any{"exp": []int64{now + 600}}, authn.TimeMalformed},
		{"exp that wraps in 32 bits", map[string]any{"exp": now + 600 + 1<<32}, authn.LifetimeTooLong},
		{"exp in milliseconds", map[string]any{"exp": (now + 600) * 1000}, authn.TimeMalformed},
		{"exp beyond 64 bits", map[string]any{"exp": 1e30}, authn.TimeMalformed},
		{"exp in a year", map[string]any{"exp": now + 365*24*3600}, authn.LifetimeTooLong},
		{"26 h", map[string]any{"iat": now, "exp": now + 26*3600}, authn.LifetimeTooLong},
		{"issued long ago", map[string]any{"iat": now - 26*3600}, authn.LifetimeTooLong},
		{"nbf in two minutes", map[string]any{"nbf": now + 150}, authn.NotYetValid},
		{"iat in two minutes", map[string]any{"iat": now + 150}, authn.NotYetValid},
		{"nbf a text", map[string]any{"nbf": "0"}, authn.TimeMalformed},
		{"iat negative", map[string]any{"iat": -5}, authn.TimeMalformed},
	} {
		attacks = append(attacks, attack{a.name, here(h.token(a.change)), a.code})
	}
	attacks = append(attacks, attack{"exp twice", here(twice(t, h, fmt.Sprintf(`"exp":%d`, now+600))), authn.TokenDuplicate})
	h.repel(attacks)
}

// twice signs the usual claims with one more member, which stands there already.
func twice(t *testing.T, h *house, member string) string {
	t.Helper()
	plain := mustJSON(t, h.claims(nil))
	return signText(t, strings.TrimSuffix(plain, "}")+","+member+"}")
}

func TestSecurity_16_TokensThatCost(t *testing.T) {
	t.Parallel()
	h := newHouse(t, houseOptions{})
	good := h.token(nil)
	deep := func(n int) string {
		return signText(t, strings.TrimSuffix(mustJSON(t, h.claims(nil)), "}")+`,"deep":`+strings.Repeat("[", n)+strings.Repeat("]", n)+"}")
	}
	h.letIn("nested as deep as is read", here(deep(15)))
	large := sign(t, ecKey(), nil, h.claims(map[string]any{"groups": strings.Split(strings.Repeat("group,", 2500), ",")}))
	if len(large) < 20<<10 || len(large) > 32<<10 {
		t.Fatalf("the large token has %d bytes", len(large))
	}
	h.letIn("a large token", here(large))
	attacks := []attack{
		{"above 32 KiB", here(sign(t, ecKey(), nil, h.claims(map[string]any{"fat": strings.Repeat("x", 32<<10)}))), authn.SASLMessage},
		{"one part", here("opaque-token"), authn.TokenMalformed},
		{"two parts", here(good[:strings.LastIndexByte(good, '.')]), authn.TokenMalformed},
		{"four parts", here(good + ".x"), authn.TokenMalformed},
		{"encrypted", here("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.x.x.x.x"), authn.TokenEncrypted},
		{"encrypted in three parts (CVE-2026-29000)", here(forge(`{"alg":"ES256","enc":"A256GCM"}`, h.claims(nil), func(string) []byte { return []byte("x") })), authn.TokenEncrypted},
		{"nested in another (cty)", here(reheaded(good, map[string]any{"alg": "ES256", "kid": ecKey().Kid, "cty": "JWT"})), authn.TokenType},
		{"30 000 dots", here(strings.Repeat(".", 30000)), authn.TokenMalformed},
		{"17 levels", here(deep(17)), authn.TokenMalformed},
		{"10 000 levels", here(deep(10000)), authn.TokenMalformed},
		{"iss twice", here(twice(t, h, `"iss":"https://evil.test"`)), authn.TokenDuplicate},
		{"role twice, one escaped", here(twice(t, h, `"rol\u0065":"admin"`)), authn.TokenDuplicate},
		{"alg twice", here(forge(`{"alg":"none","alg":"ES256"}`, h.claims(nil), func(string) []byte { return []byte("x") })), authn.TokenDuplicate},
		{"padding", here(good + "=="), authn.TokenMalformed},
		{"claims that are a list", here(signText(t, `["iss"]`)), authn.TokenMalformed},
		{"claims with a tail", here(signText(t, mustJSON(t, h.claims(nil))+"{}")), authn.TokenMalformed},
		{"claims that are not UTF-8", here(signText(t, "{\"iss\":\"\xff\"}")), authn.TokenMalformed},
		{"half a surrogate", here(signText(t, `{"iss":"\ud800"}`)), authn.TokenMalformed},
	}
	// Not the one spelling of the last byte: the same token under another hash.
	last := good[len(good)-1]
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		a, errA := base64.RawURLEncoding.DecodeString(good[strings.LastIndexByte(good, '.')+1:])
		b, errB := base64.RawURLEncoding.DecodeString(good[strings.LastIndexByte(good, '.')+1:len(good)-1] + string(c))
		if c != last && errA == nil && errB == nil && string(a) == string(b) {
			attacks = append(attacks, attack{"base64 with spare bits set", here(good[:len(good)-1] + string(c)), authn.TokenMalformed})
			break
		}
	}
	h.repel(attacks)
}
