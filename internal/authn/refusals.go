package authn

import (
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Codes of the refusals of authentication; [Refusals] says what each means.
const (
	Mechanism        iam.Code = "mechanism"
	SASLMessage      iam.Code = "sasl-message"
	TokenMalformed   iam.Code = "token-malformed"
	TokenEncrypted   iam.Code = "token-encrypted"
	TokenAlgorithm   iam.Code = "token-algorithm"
	TokenDuplicate   iam.Code = "token-duplicate-key"
	TokenType        iam.Code = "token-type"
	IDToken          iam.Code = "id-token"
	UnknownIssuer    iam.Code = "unknown-issuer"
	IssuerDisabled   iam.Code = "issuer-disabled"
	EntraVersion     iam.Code = "entra-version"
	EntraTenant      iam.Code = "entra-tenant"
	EntraClient      iam.Code = "entra-client"
	MissingExpiry    iam.Code = "missing-expiry"
	TimeMalformed    iam.Code = "time-malformed"
	Expired          iam.Code = "expired"
	NotYetValid      iam.Code = "not-yet-valid"
	LifetimeTooLong  iam.Code = "lifetime-too-long"
	Audience         iam.Code = "audience"
	UnknownKey       iam.Code = "unknown-key"
	KeysUnavailable  iam.Code = "keys-unavailable"
	KeyIssuer        iam.Code = "key-issuer"
	BadSignature     iam.Code = "bad-signature"
	NoLogicalCluster iam.Code = "missing-logical-cluster"
	WrongCluster     iam.Code = "wrong-logical-cluster"
	TooManyPools     iam.Code = "too-many-pools"
	DuplicatePool    iam.Code = "duplicate-pool"
	UnknownPool      iam.Code = "unknown-pool"
	ForeignPool      iam.Code = "pool-of-other-provider"
	PoolDisabled     iam.Code = "pool-disabled"
	FilterFalse      iam.Code = "filter-false"
	FilterError      iam.Code = "filter-error"
	NoMatchingPool   iam.Code = "no-matching-pool"
	NoIdentityClaim  iam.Code = "missing-identity-claim"
	ClaimNotString   iam.Code = "identity-claim-not-string"
	Retrusted        iam.Code = "key-source-changed"
	NotCompiled      iam.Code = "no-rules"
)

// Refusal is one row of the table of refusals, from which the documentation
// is generated.
type Refusal struct {
	Code     iam.Code
	Means    string
	Sentence string // to the client, without the reference; {mechanism} stands for the SASL mechanism
	Mend     string // unless the step knows better
	Kind     fault.Kind
}

// The sentences are Confluent Cloud's, so that clients and their users' search
// engines know them. They tell a stranger nothing: the reference does.
const (
	credentials = "Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}"
	noCluster   = "Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY"
	badCluster  = "Authentication failed: 1 extensions are invalid! They are: logicalCluster: Authentication failed"
)

const (
	no     = fault.Unauthenticated
	broken = fault.Malformed
)

var refusals = [...]Refusal{
	{Mechanism, "the client asked for another SASL mechanism than OAUTHBEARER", credentials, "set sasl.mechanism (sasl.mechanisms in librdkafka) to OAUTHBEARER in the client", no},
	{SASLMessage, "the client's SASL message does not follow the grammar of OAUTHBEARER (RFC 7628 section 3.1, KIP-342), has no token or one above 32 KiB, so that nothing in it is believed", credentials, "let the client's library write the message; names of extensions consist of letters: logicalCluster, identityPoolId", broken},
	{TokenMalformed, "the token is no well-formed JWT", credentials, "have the client send the member access_token of the token endpoint's answer, unchanged; an opaque token cannot be verified: ask the provider for a JWT, which many issue only for an API that was named by scope, audience or resource", broken},
	{TokenEncrypted, "the token is encrypted", credentials, "turn off the encryption of access tokens for this application at the provider: klamm has no key to decrypt with", broken},
	{TokenAlgorithm, "the token is unsigned, or signed with an algorithm that is never accepted", credentials, "set the signing algorithm of access tokens at the provider to RS256, ES256 or another public-key algorithm", broken},
	{TokenDuplicate, "a key stands twice in the token, so that two readers could see different claims", credentials, "have the provider issue each claim once: look for two rules there that map to the same claim", broken},
	{TokenType, "the token was made for another purpose than access", credentials, "have the client send an access token (typ JWT or at+jwt), not a token of another purpose", no},
	{IDToken, "the token is an ID token, which names a user to an application", credentials, "have the client send the access_token of the token response, not the id_token", no},
	{UnknownIssuer, "no identity provider has the token's issuer", credentials, "take the token from a provider that is listed, or add a document {kind: IdentityProvider, id: …, issuer: …, jwks_uri: …} with exactly this issuer, and a pool of it", no},
	{IssuerDisabled, "the identity provider of the token's issuer is disabled", credentials, "take disabled: true out of the IdentityProvider, or take the token from another provider", no},
	{EntraVersion, "the token's version does not fit its issuer", credentials, entraVersionMend("2.0"), no},
	{EntraTenant, "the token's tenant is not that of its issuer", credentials, "take the token from the token endpoint of the issuer's tenant, or add an IdentityProvider for the tenant of the token", no},
	{EntraClient, "the token does not name the application that asked for it", credentials, "get the token by client credentials or as a managed identity", no},
	{MissingExpiry, "the token has no end", credentials, "have the provider issue tokens with exp; klamm accepts none that has no end", no},
	{TimeMalformed, "a time of the token is not a number of seconds since 1970", credentials, "have the provider write exp, nbf and iat as NumericDate (RFC 7519, section 2)", broken},
	{Expired, "the token has ended", credentials, "let the client fetch a new token before the old one ends; if it was fetched just now, klamm's clock is ahead or the provider's is behind: compare date -u on both, and set the one that is wrong by a time server", no},
	{NotYetValid, "the token's time has not begun", credentials, "klamm's clock is behind or the provider's is ahead, by more than the 60 s that are allowed: compare date -u on both, and set the one that is wrong by a time server", no},
	{LifetimeTooLong, "the token lives longer than is accepted", credentials, "shorten the lifetime of access tokens at the provider to 24 h or less; klamm's limit is no setting", no},
	{Audience, "the token is for somebody else", credentials, "ask for the token with an audience that is listed, or add its aud to audiences of the IdentityProvider", no},
	{UnknownKey, "the provider's key set lacks the token's key", credentials, "compare jwks_uri of the IdentityProvider with the member jwks_uri of ISSUER/.well-known/openid-configuration; if they are the same, an old token's key was withdrawn: take a new token; and a new token's key is not published yet: wait, klamm asks for it again after 30 s", no},
	{KeysUnavailable, "the provider's keys cannot be had, and the last good ones are older than 24 h or lack the token's key", credentials, "make jwks_uri of the IdentityProvider reachable from klamm (curl it there; a server with a certificate of one's own needs ca), then log in again: klamm keeps trying", fault.Unavailable},
	{KeyIssuer, "the key belongs to another issuer than the token's", credentials, "set jwks_uri of the IdentityProvider to the key set of its own tenant and cloud, and take the token from that tenant", no},
	{BadSignature, "the signature is not that of the key", credentials, "have the client send the token unchanged, and compare jwks_uri of the IdentityProvider with the member jwks_uri of ISSUER/.well-known/openid-configuration", no},
	{NoLogicalCluster, "the extension logicalCluster is missing", noCluster, "set the extension logicalCluster to the id of the cluster (extension_logicalCluster in JAAS, sasl.oauthbearer.extensions=logicalCluster=… in librdkafka)", no},
	{WrongCluster, "the extension logicalCluster names another cluster than the address", badCluster, "set the extension logicalCluster to the cluster that this address stands for, or bootstrap.servers to the other cluster's address", no},
	{TooManyPools, "more identity pools are named than are accepted", credentials, "name at most 20 pools in the extension identityPoolId, or leave it out to use all that match", no},
	{DuplicatePool, "an identity pool is named twice", credentials, "name each pool once in the extension identityPoolId", no},
	{UnknownPool, "there is no identity pool of this id", credentials, "set the extension identityPoolId to an existing pool, or leave it out to use all that match", no},
	{ForeignPool, "the identity pool belongs to another identity provider", credentials, "set the extension identityPoolId to a pool of the provider that issued the token, or take the token from the provider of the pool", no},
	{PoolDisabled, "the identity pool is disabled", credentials, "take disabled: true out of the IdentityPool, or name another in the extension identityPoolId", no},
	{FilterFalse, "the pool's filter does not admit the token", credentials, "change filter of the IdentityPool, name another pool in the extension identityPoolId, or have the provider issue the claim that the filter wants", no},
	{FilterError, "the pool's filter cannot be evaluated on the token", credentials, "have the provider issue the claim, or change filter of the IdentityPool; has(claims.x) is false where claims.x is absent, and || needs only one side", no},
	{NoMatchingPool, "no identity pool of the provider admits the token", credentials, "change one of the filters above, have the provider issue the claim that it wants, or add an IdentityPool whose filter admits the token", no},
	{NoIdentityClaim, "the token lacks the claim that names the identity", credentials, "set identity_claim of the IdentityPool (of the IdentityProvider, where several pools match) to a claim that the token has, or have the provider issue this one", no},
	{ClaimNotString, "the claim that names the identity is no text", credentials, "set identity_claim of the IdentityPool (of the IdentityProvider, where several pools match) to a claim that is a text, such as claims.sub", no},
	{Retrusted, "the provider's keys now come from elsewhere than when the session began", credentials, "log in again with a new token; if nobody meant to change it, put issuer, jwks_uri and ca of the IdentityProvider back", no},
	{NotCompiled, "no rules are in force", credentials, "look at klamm's log, which says why the identity documents were not loaded, and run klamm check -c klamm.yaml", fault.Internal},
}

// Refusals is the table of all refusals of authentication, in the order in
// which they are checked.
func Refusals() []Refusal { return append([]Refusal(nil), refusals[:]...) }

func refusal(code iam.Code) Refusal {
	for _, r := range refusals {
		if r.Code == code {
			return r
		}
	}
	return Refusal{Code: code, Sentence: credentials, Kind: fault.Internal}
}

func (r Refusal) fault(mechanism string) *fault.Error {
	return fault.New(r.Kind, "%s", strings.ReplaceAll(r.Sentence, "{mechanism}", mechanism))
}
