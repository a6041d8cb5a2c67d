// Package oidc emulates identity providers for machines by their shape: paths,
// claims and words of one vendor, driven by one row of a table.
//
// It knows the grant client_credentials only (RFC 6749 section 4.4): no people,
// no login page, no refresh. It takes secrets from a request's header or body,
// never from its address, and never logs or lists a secret or a token.
package oidc

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// Client is an application that may ask for tokens.
type Client struct {
	ID       string
	Secret   secret.String
	Disabled bool
	Roles    []string // Keycloak's realm roles, Cognito's groups; other shapes have none
}

// Config says what a provider serves. Clients, Audience where the shape's tokens
// have one, and Scopes where it wants one in every request, are required.
type Config struct {
	Shape    Shape
	Server   string // what stands in the paths, see the shapes, such as "default"
	Audience string
	Scopes   []string // those that a client may ask for
	Clients  []Client
	// BaseURL is scheme and authority that clients use, "https://127.0.0.1:8444".
	// It may come later with [Provider.SetBaseURL]; nothing is served before.
	BaseURL       string
	TokenLifetime time.Duration    // one hour when zero
	Now           func() time.Time // time.Now when nil
	Key           *jwt.SigningKey  // a new RSA key of 2048 bits when nil
	Faults        Faults           // from the start; see [Provider.SetFaults]
}

// Provider is an emulated identity provider. It is safe for concurrent use.
type Provider struct {
	shape    shape
	server   string
	audience string
	scopes   []string
	clients  map[string]Client
	lifetime time.Duration
	now      func() time.Time
	key      *jwt.SigningKey
	routes   map[string]route
	issued   issuedLog

	mu     sync.Mutex
	base   string
	faults Faults
}

// New makes a provider. Errors are Invalid and name the setting.
func New(c Config) (*Provider, error) {
	row, known := shapes[c.Shape]
	if !known {
		return nil, fault.New(fault.Invalid, "no shape %q: expected one of %q", c.Shape, slices.Sorted(maps.Keys(shapes))).At("shape")
	}
	if err := c.check(row); err != nil {
		return nil, err
	}
	p := &Provider{
		shape: row, server: c.Server, audience: c.Audience, scopes: c.Scopes,
		clients: map[string]Client{}, lifetime: c.TokenLifetime, now: c.Now, key: c.Key, faults: c.Faults,
	}
	for _, client := range c.Clients {
		p.clients[client.ID] = client
	}
	if p.lifetime == 0 {
		p.lifetime = time.Hour
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.key == nil {
		key, err := jwt.GenerateRSA(2048)
		if err != nil {
			return nil, err
		}
		p.key = key
	}
	p.SetBaseURL(c.BaseURL)
	p.routes = p.table()
	return p, nil
}

// check finds what would make a provider that lets anybody in, or nobody.
func (c Config) check(row shape) error {
	switch {
	case !pathOf(c.Server, row.parts):
		return fault.New(fault.Invalid, "the authorization server is %q: expected %d part(s) of a path", c.Server, row.parts).At("server")
	case c.Audience == "" && !row.noAudience:
		return fault.New(fault.Invalid, "no audience: every token needs one").At("audience")
	case c.Audience != "" && row.noAudience:
		return fault.New(fault.Invalid, "the audience %q: expected none, since tokens of this shape have no aud", c.Audience).At("audience")
	case row.scopeRequired && len(c.Scopes) == 0:
		return fault.New(fault.Invalid, "no scopes: expected one at least, since clients must ask for one").At("scopes")
	case len(c.Clients) == 0:
		return fault.New(fault.Invalid, "no clients: expected one at least").At("clients")
	case c.Key != nil && c.Key.Alg() != row.alg:
		return fault.New(fault.Invalid, "the key signs %s: expected one that signs %s", c.Key.Alg(), row.alg).At("key")
	case c.TokenLifetime < 0:
		return fault.New(fault.Invalid, "the lifetime of tokens is %s: expected a positive one", c.TokenLifetime).At("token_lifetime")
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsAny(scope, " \t\r\n\"\\") {
			return fault.New(fault.Invalid, "the scope %q is none: expected a word without spaces, quotes and backslashes", scope).At("scopes")
		}
	}
	seen := map[string]bool{}
	for _, client := range c.Clients {
		switch {
		case client.ID == "" || strings.ContainsAny(client.ID, ":+%"):
			return fault.New(fault.Invalid, "the client id %q is none: expected a text without colon, plus and percent, which Basic authentication reads otherwise", client.ID).At("clients")
		case client.Secret.IsZero():
			return fault.New(fault.Invalid, "the client %q has no secret", client.ID).At("clients")
		case seen[client.ID]:
			return fault.New(fault.Invalid, "the client %q is there twice", client.ID).At("clients")
		case len(client.Roles) > 0 && !row.roles:
			return fault.New(fault.Invalid, "the client %q has roles: expected none, since tokens of this shape carry none", client.ID).At("clients")
		}
		seen[client.ID] = true
	}
	return nil
}

// pathOf reports whether s is that many parts of a path, "a/b" for two.
func pathOf(s string, parts int) bool {
	list := strings.Split(s, "/")
	return len(list) == parts && !slices.Contains(list, "") && !strings.ContainsAny(s, "?#% ")
}

// SetBaseURL says where clients reach the provider, once its listener is open.
func (p *Provider) SetBaseURL(base string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base = strings.TrimSuffix(base, "/")
}

// Issuer is the claim iss of the tokens; empty without a base URL.
func (p *Provider) Issuer() string { return p.url(p.shape.issuer) }

// TokenURL is the token endpoint; empty without a base URL.
func (p *Provider) TokenURL() string { return p.url(p.shape.token) }

// JWKSURL is where the keys are; empty without a base URL.
func (p *Provider) JWKSURL() string { return p.url(p.shape.keys) }

func (p *Provider) url(path string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base == "" {
		return ""
	}
	return p.base + p.path(path)
}

func (p *Provider) path(template string) string {
	return strings.ReplaceAll(template, "{server}", p.server)
}

// ServeHTTP implements [http.Handler]. It never redirects.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.answer(r).write(w)
}

// route is what one path answers to one method.
type route struct {
	method string
	handle func(*http.Request) answer
}

func (p *Provider) table() map[string]route {
	routes := map[string]route{
		p.path(p.shape.token): {http.MethodPost, p.tokenEndpoint},
		p.path(p.shape.keys):  {http.MethodGet, p.keysEndpoint},
		issuedPath:            {http.MethodGet, p.issuedEndpoint},
	}
	for _, path := range p.shape.discovery {
		routes[p.path(path)] = route{http.MethodGet, p.discoveryEndpoint}
	}
	return routes
}

func (p *Provider) answer(r *http.Request) answer {
	found, known := p.routes[r.URL.Path]
	switch {
	case !known:
		return p.shape.refuse(noPath)
	case found.method != r.Method:
		return p.shape.refuse(badMethod).with("Allow", found.method)
	case p.Issuer() == "":
		return failed
	}
	return found.handle(r)
}
