package oidc

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// success is the body of RFC 6749 section 5.1.
type success struct {
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope,omitempty"`
}

// tokenEndpoint answers a request of RFC 6749 section 4.4.2.
func (p *Provider) tokenEndpoint(r *http.Request) answer {
	if !httpd.IsForm(r) {
		return p.shape.refuse(notForm)
	}
	form, err := httpd.ReadForm(r)
	if err != nil && fault.KindOf(err) == fault.Invalid {
		return p.shape.refuse(repeated)
	}
	if err != nil {
		return p.shape.refuse(badForm)
	}
	switch form["grant_type"] {
	case "client_credentials":
	case "":
		return p.shape.refuse(noGrantType)
	default:
		return p.shape.refuse(otherGrantType)
	}
	client, why, ok := p.authenticate(r, form)
	if !ok {
		refused := p.shape.refuse(why)
		if refused.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
			// RFC 6749 section 5.2.
			refused = refused.with("WWW-Authenticate", `Basic realm="oauth2"`)
		}
		return refused
	}
	scopes, why, ok := p.allowed(form["scope"])
	if !ok {
		return p.shape.refuse(why)
	}
	wrong := httpd.TakeTokenFault(r.Context())
	text, err := p.issue(client, scopes, []string{p.audience}, wrong.Clock)
	if err != nil {
		return failed
	}
	if wrong.Opaque {
		text = random(32)
	}
	return answer{status: http.StatusOK, body: success{
		TokenType: "Bearer", ExpiresIn: int64(p.lifetime.Seconds()), AccessToken: text, Scope: strings.Join(scopes, " "),
	}}
}

// allowed are the scopes asked for, each once, when the provider has them all.
func (p *Provider) allowed(asked string) ([]string, reason, bool) {
	scopes := []string{}
	for _, scope := range strings.Fields(asked) {
		if !slices.Contains(p.scopes, scope) {
			return nil, unknownScope, false
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	switch {
	case len(scopes) > 0:
	case p.shape.scopeRequired:
		return nil, noScope, false
	case p.shape.allScopes:
		return p.scopes, 0, true
	}
	return scopes, 0, true
}

// issue makes a token and lists it. ahead is how wrong the provider's clock is.
func (p *Provider) issue(client Client, scopes, audience []string, ahead time.Duration) (string, error) {
	now, key := p.now().Add(ahead), p.keys.now().signer
	claims := p.shape.claims(grant{
		id: random(32), issuer: p.Issuer(), server: p.server, audience: audience, client: client,
		scopes: scopes, issued: now, expires: now.Add(p.lifetime),
	})
	text, err := key.Sign(p.shape.header, claims)
	if err != nil {
		return "", err
	}
	p.issued.add(issuedOf(claims, client.ID, scopes, now, p.lifetime, key.Kid))
	return text, nil
}
