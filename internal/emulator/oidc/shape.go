package oidc

import "time"

// Shape names a vendor's manners.
type Shape string

const (
	// Okta is a custom authorization server of Okta's; Server is its id
	// (https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/).
	Okta Shape = "okta"
	// Cloudentity is a workspace of Cloudentity's; Server is "tenant/workspace".
	Cloudentity Shape = "cloudentity"
	// Cognito is a user pool of Amazon Cognito's; Server is its id. Issuer and
	// token endpoint, which are on two hosts there, are on one here
	// (https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html).
	Cognito Shape = "cognito"
	// Keycloak is a realm of Keycloak's; Server is its name
	// (https://www.keycloak.org/securing-apps/oidc-layers).
	Keycloak Shape = "keycloak"
	// Kubernetes is a cluster's issuer of service account tokens; Server is a name
	// of ours. It has no token endpoint: the cluster puts tokens into files
	// (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection).
	Kubernetes Shape = "kubernetes"
)

// shape is everything that differs between vendors. {server} in paths stands
// for the authorization server.
type shape struct {
	issuer, token, keys string // token is "" when there is no such endpoint
	discovery           []string
	parts               int            // of the path that {server} stands for
	alg                 string         // that its tokens are signed with
	header              map[string]any // of its tokens, beside alg and kid
	noAudience          bool           // its tokens have no aud
	roles               bool           // its clients may have some
	scopeRequired       bool
	allScopes           bool // are granted to who asks for none
	basicAlone          bool // an id in the body beside the header is refused, even the same
	perClient           bool // a client may be limited to one way of sending its secret
	claims              func(grant) map[string]any
	refusals            map[reason]refusal
	ownError            func(refusal) any // the vendor's own error bodies
}

var shapes = map[Shape]shape{
	Okta: {
		issuer: "/oauth2/{server}",
		token:  "/oauth2/{server}/v1/token",
		keys:   "/oauth2/{server}/v1/keys",
		discovery: []string{
			"/oauth2/{server}/.well-known/openid-configuration",
			"/oauth2/{server}/.well-known/oauth-authorization-server",
		},
		parts:         1,
		alg:           "RS256",
		scopeRequired: true,
		basicAlone:    true,
		perClient:     true,
		claims:        oktaClaims,
		refusals:      oktaRefusals,
		ownError:      newOktaError,
	},
	Cloudentity: {
		issuer:    "/{server}",
		token:     "/{server}/oauth2/token",
		keys:      "/{server}/.well-known/jwks.json",
		discovery: []string{"/{server}/.well-known/openid-configuration"},
		parts:     2,
		alg:       "RS256",
		perClient: true,
		claims:    cloudentityClaims,
		refusals:  cloudentityRefusals,
	},
	Cognito: {
		issuer:     "/{server}",
		token:      "/oauth2/token",
		keys:       "/{server}/.well-known/jwks.json",
		discovery:  []string{"/{server}/.well-known/openid-configuration"},
		parts:      1,
		alg:        "RS256",
		noAudience: true,
		roles:      true,
		allScopes:  true,
		claims:     cognitoClaims,
		refusals:   cognitoRefusals,
	},
	Keycloak: {
		issuer:    "/realms/{server}",
		token:     "/realms/{server}/protocol/openid-connect/token",
		keys:      "/realms/{server}/protocol/openid-connect/certs",
		discovery: []string{"/realms/{server}/.well-known/openid-configuration"},
		parts:     1,
		alg:       "RS256",
		header:    map[string]any{"typ": "JWT"},
		roles:     true,
		allScopes: true,
		perClient: true,
		claims:    keycloakClaims,
		refusals:  keycloakRefusals,
	},
	Kubernetes: {
		issuer:    "/{server}",
		keys:      "/{server}/openid/v1/jwks",
		discovery: []string{"/{server}/.well-known/openid-configuration"},
		parts:     1,
		alg:       "RS256",
		claims:    kubernetesClaims,
		refusals:  kubernetesRefusals,
		ownError:  newKubernetesStatus,
	},
}

// grant is a token about to be made.
type grant struct {
	id       string // random
	issuer   string
	server   string
	audience []string // the provider's one, or several of a token that was made for them
	client   Client
	scopes   []string
	issued   time.Time
	expires  time.Time
}
