package oidc

import "time"

// Shape names a vendor's manners.
type Shape string

// Okta is a custom authorization server of Okta's
// (https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/).
const Okta Shape = "okta"

// shape is everything that differs between vendors. {server} in paths stands
// for the authorization server.
type shape struct {
	issuer, token, keys string
	discovery           []string
	alg                 string // that its tokens are signed with
	scopeRequired       bool
	claims              func(grant) map[string]any
	refusals            map[reason]refusal
	errorID             func() string // of the vendor's own error bodies
}

// grant is a token about to be made.
type grant struct {
	id       string // random
	issuer   string
	audience string
	client   string
	scopes   []string
	issued   time.Time
	expires  time.Time
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
		alg:           "RS256",
		scopeRequired: true,
		claims:        oktaClaims,
		refusals:      oktaRefusals,
		errorID:       func() string { return "oae" + random(16) },
	},
}

// oktaClaims are those of an access token of version 1.
func oktaClaims(g grant) map[string]any {
	return map[string]any{
		"ver": 1,
		"jti": "AT." + g.id,
		"iss": g.issuer,
		"aud": g.audience,
		"iat": g.issued.Unix(),
		"exp": g.expires.Unix(),
		"cid": g.client,
		"scp": g.scopes,
		"sub": g.client,
	}
}
