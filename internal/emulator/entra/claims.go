package entra

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/secret"
)

// backdated is how far iat and nbf lie before the issue.
const backdated = 300 * time.Second

// Lifetimes of the real service. exp - iat of an application's token is 3900 s.
const (
	applicationLifetime = time.Hour
	managedLifetime     = 24 * time.Hour
)

// grant makes a token of p, who was authenticated, for a resource. The context
// is the request's: a fault of tokens may have come with it.
func (e *Entra) grant(ctx context.Context, t *tenant, p *principal, by proof, asked string) (Grant, error) {
	resource, err := t.resource(asked)
	if err != nil {
		return Grant{}, err
	}
	roles := p.roles(resource)
	if resource.AssignmentRequired && len(roles) == 0 {
		return Grant{}, refuse(501051, p.clientID, resource.ClientID)
	}
	if e.config.Issuers == Own && e.baseURL() == "" {
		return Grant{}, fault.New(fault.Internal, "the issuer is not known before SetBaseURL")
	}
	signer, err := e.keys.current()
	if err != nil {
		return Grant{}, err
	}
	wrong := httpd.TakeTokenFault(ctx)
	now := e.config.Now().Add(wrong.Clock).Truncate(time.Second)
	g := Grant{ClientID: p.clientID, Resource: asked, NotBefore: now.Add(-backdated), Expires: now.Add(e.lifetime(p))}
	claims := e.claims(t, p, by, resource, g)
	if roles != nil {
		claims["roles"] = roles
	}
	t.addGroupClaims(claims, p, resource)
	header := map[string]any{"typ": "JWT"}
	if resource.version == 1 {
		header["x5t"] = signer.X5T()
	}
	token, err := signer.Sign(header, claims)
	if err != nil {
		return Grant{}, err
	}
	if wrong.Opaque {
		token = rand.Text()
	}
	g.Token = secret.New(token)
	e.issued.add(Issued{
		UTI: claims["uti"].(string), Kind: kinds[p.managed], TenantID: t.id, ClientID: p.clientID, ObjectID: p.objectID,
		Audience: claims["aud"].(string), Version: claims["ver"].(string), Roles: roles, Time: now, ExpiresAt: g.Expires,
		ClientAuth: by.way, Credential: by.credential,
	})
	return g, nil
}

// kinds name principals in the list of issued tokens; managed ones are true.
var kinds = map[bool]string{false: "application", true: "managed_identity"}

func (e *Entra) lifetime(p *principal) time.Duration {
	switch {
	case e.config.TokenLifetime > 0:
		return e.config.TokenLifetime
	case p.managed:
		return managedLifetime
	}
	return applicationLifetime
}

// resource finds the application that asked names: an App ID URI byte for
// byte, or an id.
func (t *tenant) resource(asked string) (*app, error) {
	resource, ok := t.resources[asked]
	if !ok && isUUID(asked) {
		resource, ok = t.resources[strings.ToLower(asked)]
	}
	if !ok || resource.NoServicePrincipal {
		return nil, refuse(500011, asked, t.id)
	}
	return resource, nil
}

// claims are those of a token without a person. What makes version 1 and 2 is
// the resource.
//
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
func (e *Entra) claims(t *tenant, p *principal, by proof, resource *app, g Grant) map[string]any {
	claims := map[string]any{
		"iss": e.Issuer(t.id, resource.version), "tid": t.id,
		"oid": p.objectID, "sub": p.objectID,
		"iat": g.NotBefore.Unix(), "nbf": g.NotBefore.Unix(), "exp": g.Expires.Unix(),
		"uti": opaque(16), "aio": opaque(36), "rh": "1." + opaque(30) + ".",
	}
	if resource.version == 1 {
		claims["ver"], claims["aud"] = "1.0", g.Resource
		claims["appid"], claims["appidacr"] = p.clientID, by.acr()
		claims["idp"] = claims["iss"] // who vouches for the client: the tenant itself
		return claims
	}
	claims["ver"], claims["aud"] = "2.0", strings.ToLower(resource.ClientID)
	claims["azp"], claims["azpacr"] = p.clientID, by.acr()
	claims["xms_ftd"] = opaque(36)
	return claims
}

// opaque makes a value that means nothing to clients, of n random bytes.
func opaque(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
