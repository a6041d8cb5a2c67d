package app

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/jwt"
)

// The documents beside the usual ones that it takes to be refused in every way.
const refusing = `
{kind: IdentityProvider, id: op-off, issuer: "https://idp.test/off", jwks_uri: "KEYS", ca: ca.pem, disabled: true}
---
{kind: IdentityProvider, id: op-down, issuer: "https://idp.test/down", jwks_uri: "KEYS-down", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityProvider, id: op-slow, issuer: "https://idp.test/slow", jwks_uri: "KEYS-slow", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-slow, provider: op-slow, filter: 'claims.aud == "kafka"'}
---
{kind: IdentityProvider, id: op-rotating, issuer: "https://idp.test/rotating", jwks_uri: "KEYS-rotating", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-rotating, provider: op-rotating, filter: 'claims.aud == "kafka"'}
---
{kind: IdentityProvider, id: op-entra, issuer: "https://sts.test/11111111-2222-3333-4444-555555555555/v2.0", jwks_uri: "KEYS-entra", ca: ca.pem, type: entra, audiences: [be587d08-a466-45e9-a02a-dfdda6b4c765]}
---
{kind: IdentityPool, id: pool-entra, provider: op-entra, filter: 'claims.aud == "be587d08-a466-45e9-a02a-dfdda6b4c765"', identity_claim: claims.azp}
---
{kind: IdentityPool, id: pool-entra-roles, provider: op-entra, filter: 'claims.aud == "be587d08-a466-45e9-a02a-dfdda6b4c765" && "Kafka.Write" in claims.roles', identity_claim: claims.azp}
---
{kind: IdentityPool, id: pool-entra-groups, provider: op-entra, filter: 'claims.aud == "be587d08-a466-45e9-a02a-dfdda6b4c765" && "Kafka writers" in claims.groups', identity_claim: claims.azp}
---
{kind: IdentityPool, id: pool-entra-client, provider: op-entra, filter: 'claims.aud == "be587d08-a466-45e9-a02a-dfdda6b4c765" && claims.azp == "0b1ec700-0000-4000-8000-000000000001"', identity_claim: claims.azp}
---
{kind: IdentityProvider, id: op-entra-uri, issuer: "https://sts.test/55555555-2222-3333-4444-555555555555/v2.0", jwks_uri: "KEYS-entra", ca: ca.pem, type: entra, audiences: ["api://kafka"]}
---
{kind: IdentityPool, id: pool-entra-uri, provider: op-entra-uri, filter: 'claims.aud == "api://kafka"', identity_claim: claims.azp}
---
{kind: IdentityProvider, id: op-entra-v1, issuer: "https://sts.test/99999999-2222-3333-4444-555555555555/", jwks_uri: "KEYS-entra", ca: ca.pem, type: entra, audiences: ["api://kafka"]}
---
{kind: IdentityPool, id: pool-entra-v1, provider: op-entra-v1, filter: 'claims.aud == "api://kafka"', identity_claim: claims.appid}
---
{kind: IdentityPool, id: pool-off, provider: op-main, filter: 'claims.aud == "kafka"', disabled: true}
---
{kind: IdentityPool, id: pool-group, provider: op-main, filter: 'claims.aud == "kafka" && "writers" in claims.groups'}
---
{kind: IdentityPool, id: pool-mail, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "mail"', identity_claim: claims.email}
`

const (
	entraIssuer = "https://sts.test/11111111-2222-3333-4444-555555555555/v2.0"
	entraTenant = "11111111-2222-3333-4444-555555555555"
	kafkaApp    = "be587d08-a466-45e9-a02a-dfdda6b4c765"
)

// refuseEverybody makes the provider's other key sets.
func (h *house) refuseEverybody() {
	h.idp.other.HandleFunc("/keys-down", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	list := jwt.MarshalSet(
		ecKey().JWK(map[string]any{"issuer": "https://sts.test/{tenantid}/v2.0"}),
		otherKey().JWK(map[string]any{"issuer": "https://sts.elsewhere.test/{tenantid}/v2.0"}))
	h.idp.other.HandleFunc("/keys-entra", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list) })
}

// entraClaims are those of a token that op-entra's pool lets in, with changes.
func entraClaims(pairs ...any) map[string]any {
	c := map[string]any{"iss": entraIssuer, "aud": kafkaApp, "ver": "2.0", "tid": entraTenant, "azp": "c0ffee00-0000-4000-8000-000000000001"}
	for i := 0; i < len(pairs); i += 2 {
		c[pairs[i].(string)] = pairs[i+1]
	}
	return c
}

// atTheDoor are refusals for what stands around the token, and its form.
func atTheDoor() []provocation {
	header := func(change map[string]any) func(*house) (outcome, error) {
		return login(func(h *house) []byte { return here(reheaded(h.token(nil), change)) })
	}
	return []provocation{
		{code: authn.Mechanism, by: byMechanism, note: "SaslHandshake has no room for words: the client reads the list of mechanisms, and the refusal is found by its client id."},
		{code: authn.SASLMessage, by: withClaims(nil, "identity_pool_id=pool-orders"), hint: "identityPoolId"},
		{code: authn.SASLMessage, slip: "no token at all, since the client's token source gave none", by: login(func(*house) []byte { return here("") }), hint: "token source"},
		{code: authn.SASLMessage, slip: "quotes around the token", by: login(func(h *house) []byte { return here(`"` + h.token(nil) + `"`) }), hint: "quote"},
		{code: authn.SASLMessage, slip: "a line end after the token, from a file", by: login(func(h *house) []byte { return here(h.token(nil) + "\n") }), hint: "line end"},
		{code: authn.SASLMessage, slip: "a token above 32 KiB", hint: "fewer claims", by: withClaims(map[string]any{"groups": strings.Repeat("group,", 6<<10)})},
		{code: authn.TokenMalformed, by: login(func(*house) []byte { return here("2YotnFZFEjr1zCsicMWpAA") })},
		{code: authn.TokenEncrypted, by: login(func(h *house) []byte { return here(h.token(nil) + ".x.y") })},
		{code: authn.TokenAlgorithm, by: header(map[string]any{"alg": "none"})},
		{code: authn.TokenAlgorithm, slip: "HS256, which is a shared secret", by: header(map[string]any{"alg": "HS256"})},
		{code: authn.TokenDuplicate, by: login(func(h *house) []byte {
			return here(signText(h.t, strings.TrimSuffix(mustJSON(h.t, h.claims(nil)), "}")+`,"role":"admin"}`))
		})},
		{code: authn.TokenType, by: login(func(h *house) []byte {
			return here(sign(h.t, ecKey(), map[string]any{"typ": "logout+jwt"}, h.claims(nil)))
		})},
	}
}

// byMechanism asks for another SASL mechanism, under a client id of its own.
func byMechanism(h *house) (o outcome, err error) {
	w, err := h.dial(h.run.Bootstrap)
	if err != nil {
		return o, err
	}
	defer w.Close()
	r, err := w.handshakeAs("asks-for-plain", 1, "PLAIN")
	if err != nil {
		return o, err
	}
	o.kafka, o.record = r.ErrorCode, h.last("asks-for-plain", authn.Mechanism)
	return o, w.ended()
}

// atTheToken are refusals for who issued the token, when, for whom, and how it
// is signed.
func atTheToken() []provocation {
	now := time.Now().Unix()
	const v1Issuer, ver = "https://sts.windows.net/77777777-2222-3333-4444-555555555555/", "ver"
	v1 := func(aud string) map[string]any {
		return map[string]any{"iss": "https://sts.test/99999999-2222-3333-4444-555555555555/", "aud": aud, "ver": "1.0", "tid": "99999999-2222-3333-4444-555555555555", "appid": "c0ffee00-0000-4000-8000-000000000001"}
	}
	change := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	signed := func(header, claims map[string]any) func(*house) (outcome, error) {
		return login(func(h *house) []byte { return here(sign(h.t, otherKey(), header, h.claims(claims))) })
	}
	return []provocation{
		{code: authn.IDToken, by: withClaims(entraClaims("nonce", "n-1"))},
		{code: authn.UnknownIssuer, by: withClaims(change("iss", "https://elsewhere.test"))},
		{code: authn.UnknownIssuer, slip: "a v1 token of Entra, for a provider of v2 tokens", hint: "cached token of the old version for up to 24 h", by: withClaims(change("iss", v1Issuer, ver, "1.0", "appid", "a"))},
		{code: authn.UnknownIssuer, slip: "a v2 token of Entra, after the manifest was changed, for a provider of v1 tokens", hint: "add an IdentityProvider with entra_tenant",
			by: withClaims(entraClaims("iss", "https://sts.test/99999999-2222-3333-4444-555555555555/v2.0", "tid", "99999999-2222-3333-4444-555555555555"))},
		{code: authn.UnknownIssuer, slip: "a slash at the end that the provider's issuer does not have", hint: "byte for byte", by: withClaims(change("iss", issuer+"/"))},
		{code: authn.IssuerDisabled, by: withClaims(change("iss", "https://idp.test/off"))},
		{code: authn.EntraVersion, hint: "up to 24 h", by: withClaims(entraClaims("ver", "1.0"))},
		{code: authn.EntraTenant, by: withClaims(entraClaims("tid", "99999999-0000-0000-0000-000000000000"))},
		{code: authn.EntraClient, by: withClaims(entraClaims("azp", nil))},
		{code: authn.MissingExpiry, by: withClaims(change("exp", nil))},
		{code: authn.TimeMalformed, by: withClaims(change("exp", "tomorrow"))},
		{code: authn.TimeMalformed, slip: "milliseconds in place of seconds", hint: "milliseconds", by: withClaims(change("exp", (now+600)*1000))},
		{code: authn.Expired, hint: " ago; issued", by: withClaims(change("exp", now-7200, "iat", now-10800, "nbf", now-10800))},
		{code: authn.Expired, slip: "a fresh token, where klamm's clock is ten minutes ahead or the provider's behind", hint: "klamm's clock is ahead", by: withClaims(change("exp", now-300, "iat", now-600, "nbf", now-600))},
		{code: authn.NotYetValid, hint: "klamm's clock is behind", by: withClaims(change("nbf", now+600, "iat", now+600))},
		{code: authn.LifetimeTooLong, by: withClaims(change("exp", now+100*3600))},
		{code: authn.Audience, by: withClaims(change("aud", "billing"))},
		{code: authn.Audience, slip: "quotes around the audience that was asked for, as in an environment file", hint: "leave out the quotes", by: withClaims(change("aud", "'kafka'"))},
		{code: authn.Audience, slip: "`.default` used as a resource", hint: "/.default belongs to scope", by: withClaims(v1("api://kafka/.default"))},
		{code: authn.Audience, slip: "an App ID URI in `audiences`, where a v2 token has a GUID", hint: "write that id in audiences of op-entra-uri", by: withClaims(entraClaims("iss", "https://sts.test/55555555-2222-3333-4444-555555555555/v2.0", "tid", "55555555-2222-3333-4444-555555555555"))},
		{code: authn.Audience, slip: "a token that was asked for with another application of the tenant", hint: "ask for the one that stands for Kafka", by: withClaims(entraClaims("aud", "00000000-a466-45e9-a02a-dfdda6b4c765"))},
		{code: authn.UnknownIssuer, slip: "a token for Microsoft Graph, which clients get that were given no resource", hint: "ask for the application that stands for Kafka",
			by: withClaims(change("iss", v1Issuer, ver, "1.0", "appid", "a", "aud", "00000003-0000-0000-c000-000000000000"))},
		{code: authn.Audience, slip: "a GUID where the provider lists the URI of v1 tokens", hint: "App ID URI or GUID", by: withClaims(v1(kafkaApp))},
		{code: authn.UnknownKey, by: signed(nil, nil)},
		{code: authn.KeysUnavailable, by: withClaims(change("iss", "https://idp.test/down"))},
		{code: authn.KeyIssuer, by: signed(nil, entraClaims())},
		{code: authn.BadSignature, by: signed(map[string]any{"kid": ecKey().Kid}, nil)},
		{code: authn.NotCompiled, by: withoutRules, note: "`klamm serve` does not start with documents that are not valid, so that only a fault in klamm leads here; the example is of a gateway that was made to."},
	}
}

// atThePool are refusals for the extensions of the message, and for what the
// pools make of the claims.
func atThePool() []provocation {
	extended := func(extensions ...string) func(*house) (outcome, error) {
		return login(func(h *house) []byte { return message(h.token(nil), extensions...) })
	}
	pool := func(ids string) func(*house) (outcome, error) { return withClaims(nil, "identityPoolId="+ids) }
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("pool-%d", i)
	}
	return []provocation{
		{code: authn.NoLogicalCluster, by: extended("identityPoolId=pool-orders")},
		{code: authn.WrongCluster, by: extended("logicalCluster=lkc-other")},
		{code: authn.WrongCluster, slip: "quotes around the value", hint: "leave out the quotes", by: extended(`logicalCluster="` + lkc + `"`)},
		{code: authn.WrongCluster, slip: "capitals", hint: "letters are compared with their case", by: extended("logicalCluster=LKC-test")},
		{code: authn.TooManyPools, by: pool(strings.Join(many, ","))},
		{code: authn.DuplicatePool, by: pool("pool-orders,pool-orders")},
		{code: authn.UnknownPool, by: pool("pool-nobody")},
		{code: authn.UnknownPool, slip: "quotes around the value", hint: "leave out the quotes", by: pool(`'pool-orders'`)},
		{code: authn.UnknownPool, slip: "the principal in place of the pool", hint: "without User:", by: pool("User:pool-orders")},
		{code: authn.UnknownPool, slip: "a comma too many", hint: "remove the comma", by: pool("pool-orders,")},
		{code: authn.UnknownPool, slip: "librdkafka's backslash in another client", hint: "backslash", by: pool(`pool-orders\`)},
		{code: authn.ForeignPool, by: pool("pool-entra")},
		{code: authn.PoolDisabled, by: pool("pool-off")},
		{code: authn.FilterFalse, by: pool("pool-admin")},
		{code: authn.FilterError, by: pool("pool-group")},
		{code: authn.FilterError, slip: "no roles in a token of Entra, since none was assigned to the client", hint: "no app role of this application is assigned", by: withClaims(entraClaims(), "identityPoolId=pool-entra-roles")},
		{code: authn.FilterError, slip: "no groups in a token of Entra, since they were too many for it (overage)", hint: "set groupMembershipClaims",
			by: withClaims(entraClaims("_claim_names", map[string]any{"groups": "src1"}), "identityPoolId=pool-entra-groups")},
		{code: authn.FilterFalse, slip: "an object id in the filter, where azp holds the application's id", hint: "is the value of claims.oid",
			by: withClaims(entraClaims("oid", "0b1ec700-0000-4000-8000-000000000001"), "identityPoolId=pool-entra-client")},
		{code: authn.FilterFalse, slip: "a group by its name, where Entra has its object id", hint: "write the group's object id",
			by: withClaims(entraClaims("groups", []string{"6700c700-0000-4000-8000-000000000001"}), "identityPoolId=pool-entra-groups")},
		{code: authn.FilterFalse, slip: "a role whose letters have another case", hint: "capital letters", by: withClaims(map[string]any{"role": "Admin"}, "identityPoolId=pool-admin")},
		{code: authn.NoMatchingPool, by: withClaims(role("nobody"))},
		{code: authn.NoIdentityClaim, by: withClaims(role("mail"), "identityPoolId=pool-mail")},
		{code: authn.ClaimNotString, by: withClaims(map[string]any{"role": "mail", "email": []string{"a@b.test"}}, "identityPoolId=pool-mail")},
	}
}
