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
	{Mechanism, "the client asked for another SASL mechanism than OAUTHBEARER", credentials, "set sasl.mechanism to OAUTHBEARER", no},
	{SASLMessage, "the client's SASL message does not follow the grammar of OAUTHBEARER (RFC 7628 section 3.1, KIP-342), has no token or one above 32 KiB, so that nothing in it is believed", credentials, "let the client's library write the message; names of extensions consist of letters: logicalCluster, identityPoolId", broken},
	{TokenMalformed, "the token is no well-formed JWT", credentials, "send a JWT access token as it was issued; an opaque token cannot be verified", broken},
	{TokenEncrypted, "the token is encrypted", credentials, "have the provider issue signed access tokens for this audience", broken},
	{TokenAlgorithm, "the token is unsigned, or signed with an algorithm that is never accepted", credentials, "have the provider sign with RS256, ES256 or another public-key algorithm", broken},
	{TokenDuplicate, "a key stands twice in the token, so that two readers could see different claims", credentials, "have the provider issue each claim once", broken},
	{TokenType, "the token was made for another purpose than access", credentials, "request an access token (typ JWT or at+jwt)", no},
	{IDToken, "the token is an ID token, which names a user to an application", credentials, "send the access_token of the token response, not the id_token", no},
	{UnknownIssuer, "no identity provider has the token's issuer", credentials, "add an identity provider with exactly this issuer, or use a token of a known one", no},
	{IssuerDisabled, "the identity provider of the token's issuer is disabled", credentials, "enable the identity provider", no},
	{EntraVersion, "the token's version does not fit its issuer", credentials, entraVersionMend, no},
	{EntraTenant, "the token's tenant is not that of its issuer", credentials, "use a token of the provider's own tenant", no},
	{EntraClient, "the token does not name the application that asked for it", credentials, "get the token by client credentials or as a managed identity", no},
	{MissingExpiry, "the token has no end", credentials, "have the provider issue tokens with exp", no},
	{TimeMalformed, "a time of the token is not a number of seconds since 1970", credentials, "have the provider write exp, nbf and iat as NumericDate (RFC 7519, section 2)", broken},
	{Expired, "the token has ended", credentials, "fetch a new token before the old one ends; if it is fresh, compare the clocks of client, provider and klamm", no},
	{NotYetValid, "the token's time has not begun", credentials, "compare the clocks of the provider and klamm; they may differ by 60 s", no},
	{LifetimeTooLong, "the token lives longer than is accepted", credentials, "shorten the access token's lifetime at the provider", no},
	{Audience, "the token is for somebody else", credentials, "request the token for an audience that the provider accepts, or add the audience to it", no},
	{UnknownKey, "the provider's key set lacks the token's key", credentials, "check that jwks_uri is that of the issuer; after a rotation the provider may publish the key late", no},
	{KeysUnavailable, "the provider's keys cannot be had", credentials, "make jwks_uri reachable from klamm; klamm keeps trying", fault.Unavailable},
	{KeyIssuer, "the key belongs to another issuer than the token's", credentials, "use a token of the provider's own tenant and cloud", no},
	{BadSignature, "the signature is not that of the key", credentials, "send the token unchanged; check that jwks_uri is that of the issuer", no},
	{NoLogicalCluster, "the extension logicalCluster is missing", noCluster, "set the extension logicalCluster to the id of the cluster (extension_logicalCluster in JAAS, sasl.oauthbearer.extensions in librdkafka)", no},
	{WrongCluster, "the extension logicalCluster names another cluster than the address", badCluster, "set logicalCluster to the cluster that this address stands for, or connect to the other cluster's address", no},
	{TooManyPools, "more identity pools are named than are accepted", credentials, "name at most 20 pools, or none to use all that match", no},
	{DuplicatePool, "an identity pool is named twice", credentials, "name each pool once", no},
	{UnknownPool, "there is no identity pool of this id", credentials, "set identityPoolId to an existing pool, or leave it out to use all that match", no},
	{ForeignPool, "the identity pool belongs to another identity provider", credentials, "name a pool of the provider that issued the token", no},
	{PoolDisabled, "the identity pool is disabled", credentials, "enable the pool or name another", no},
	{FilterFalse, "the pool's filter does not admit the token", credentials, "change the filter, or have the provider issue the claim that it wants", no},
	{FilterError, "the pool's filter cannot be evaluated on the token", credentials, "guard optional claims with has(), or have the provider issue the claim", no},
	{NoMatchingPool, "no identity pool of the provider admits the token", credentials, "change one of the filters above, have the provider issue the claim that it wants, or add a pool whose filter admits the token", no},
	{NoIdentityClaim, "the token lacks the claim that names the identity", credentials, "have the provider issue the claim, or set identity_claim to one that it issues", no},
	{ClaimNotString, "the claim that names the identity is no text", credentials, "set identity_claim to a claim that is a string", no},
	{Retrusted, "the provider's keys now come from elsewhere than when the session began", credentials, "log in again with a new token", no},
	{NotCompiled, "no rules are in force", credentials, "look at klamm's log: its identity documents have not been loaded", fault.Internal},
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
