package files

import "github.com/klammhq/klamm/internal/config"

// The documents, as they are written. Places of values are asked of the
// config.Document that they were decoded from. The comments of fields are the
// sentences of docs/reference/configuration.md; what stands after "Default:"
// has a column there.

// organization is whose documents these are. There is one as soon as there is
// a RoleBinding or an audit log.
type organization struct {
	// `Organization`
	Kind string `config:"kind,required"`
	// A UUID of your own in lower case; every CRN begins with it.
	ID string `config:"id,required"`
	// The environment of the clusters, env-NAME.
	Environment string `config:"environment,required"`
}

// identityProvider is an issuer of tokens.
type identityProvider struct {
	// `IdentityProvider`
	Kind string `config:"kind,required"`
	// op-NAME, of letters, digits, hyphens and underscores.
	ID string `config:"id,required"`
	// Its name for people.
	DisplayName string `config:"display_name"`
	// More words for people.
	Description string `config:"description"`
	// Directory (tenant) ID of Microsoft Entra ID, a UUID. It stands for issuer, jwks_uri and type of v2 tokens, and they are left out.
	EntraTenant string `config:"entra_tenant"`
	// The claim iss, byte for byte; https. One enabled provider has it. Required without entra_tenant.
	Issuer string `config:"issuer"`
	// Where its keys are; https. Required without entra_tenant.
	JWKSURI string `config:"jwks_uri"`
	// Certificate authorities of jwks_uri, a PEM file relative to this document. Default: the system's
	CA config.Path `config:"ca"`
	// entra turns on the checks that only Entra's tokens know: version, tenant, client, no ID tokens. Required for Microsoft's issuers.
	Type string `config:"type"`
	// A token must be for one of these: the claim aud is or holds it. Default: aud is left to the pools' filters
	Audiences []string `config:"audiences"`
	// Refuses to start with a pool whose filter does not pin aud, azp, appid or client_id, where audiences is absent. Default: a warning
	RequireAudience bool `config:"require_audience"`
	// Names the identity of clients that act as several pools. Default: claims.sub
	IdentityClaim string `config:"identity_claim"`
	// Refuses its tokens. Default: false
	Disabled bool `config:"disabled"`
}

// identityPool is a principal for the tokens that its filter admits.
type identityPool struct {
	// `IdentityPool`
	Kind string `config:"kind,required"`
	// pool-NAME; its principal is User:pool-NAME.
	ID string `config:"id,required"`
	// The id of the identity provider whose tokens it admits.
	Provider string `config:"provider,required"`
	// Its name for people.
	DisplayName string `config:"display_name"`
	// More words for people.
	Description string `config:"description"`
	// The claim that names the identity in the audit log: claims.NAME or claims['A:B'], a string in every token. Default: claims.sub
	IdentityClaim string `config:"identity_claim"`
	// Which tokens it admits, as in [Filters](../filters.md); `true` admits all of the provider.
	Filter string `config:"filter,required"`
	// Admits no token. Default: false
	Disabled bool `config:"disabled"`
}

// roleBinding gives a role to a principal.
type roleBinding struct {
	// `RoleBinding`
	Kind string `config:"kind,required"`
	// rb-NAME. Default: made from the binding, the same for the same binding
	ID string `config:"id"`
	// User:pool-NAME.
	Principal string `config:"principal,required"`
	// One of [Roles](../roles.md).
	Role string `config:"role,required"`
	// Where it holds. Required without crn.
	On *on `config:"on"`
	// Where it holds, as a CRN: `crn://confluent.cloud/organization=…`. Required without on.
	CRN string `config:"crn"`
}

// on is where a binding holds: a cluster, one kind of resource in it, or a
// wider scope. One of cluster, environment and organization is required; one
// of topic, group and transactional_id may stand beside cluster.
type on struct {
	// The logical cluster id, lkc-NAME.
	Cluster string `config:"cluster"`
	// A name, a beginning and `*`, or `*` for all names.
	Topic string `config:"topic"`
	// As topic.
	Group string `config:"group"`
	// As topic.
	TransactionalID string `config:"transactional_id"`
	// The environment of the Organization, with all its clusters.
	Environment string `config:"environment"`
	// true for everything.
	Organization bool `config:"organization"`
}
