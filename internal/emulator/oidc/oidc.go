// Package oidc emulates identity providers for machines by their shape: paths,
// claims and words of one vendor, driven by one row of a table.
//
// It knows the grant client_credentials only (RFC 6749 section 4.4): no people,
// no login page, no refresh. It takes secrets from a request's header or body,
// never from its address, and never logs or lists a secret or a token. Its
// administrator's calls change clients and keys while it runs; they are for
// programs on the same machine and keep nothing.
package oidc

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Provider is an emulated identity provider. It is safe for concurrent use.
type Provider struct {
	name     string
	kind     Shape
	shape    shape
	server   string
	audience string
	scopes   []string
	clients  clients
	keys     keys
	lifetime time.Duration
	now      func() time.Time
	routes   map[string]route
	issued   issuedLog
	base     atomic.Pointer[string]
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
		name: cmp.Or(c.Name, c.Server), kind: c.Shape, shape: row, server: c.Server, audience: c.Audience, scopes: c.Scopes,
		lifetime: cmp.Or(c.TokenLifetime, time.Hour), now: c.Now,
	}
	p.clients.set(c.Clients)
	if p.now == nil {
		p.now = time.Now
	}
	if err := p.keys.begin(c.Key); err != nil {
		return nil, err
	}
	p.SetBaseURL(c.BaseURL)
	p.routes = p.table()
	return p, nil
}

// pathOf reports whether s is that many parts of a path, "a/b" for two.
func pathOf(s string, parts int) bool {
	list := strings.Split(s, "/")
	return len(list) == parts && !slices.Contains(list, "") && !strings.ContainsAny(s, "?#% ")
}

// SetBaseURL says where clients reach the provider, once its listener is open.
func (p *Provider) SetBaseURL(base string) {
	base = strings.TrimSuffix(base, "/")
	p.base.Store(&base)
}

// Issuer is the claim iss of the tokens; empty without a base URL.
func (p *Provider) Issuer() string { return p.url(p.shape.issuer) }

// TokenURL is the token endpoint; empty without a base URL, or when the shape
// has none.
func (p *Provider) TokenURL() string { return p.url(p.shape.token) }

// JWKSURL is where the keys are; empty without a base URL.
func (p *Provider) JWKSURL() string { return p.url(p.shape.keys) }

func (p *Provider) url(path string) string {
	base := *p.base.Load()
	if base == "" || path == "" {
		return ""
	}
	return base + p.path(path)
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
		p.path(p.shape.keys): {http.MethodGet, p.keysEndpoint},
		issuedPath:           {http.MethodGet, p.issuedEndpoint},
	}
	if p.shape.token != "" {
		routes[p.path(p.shape.token)] = route{http.MethodPost, p.tokenEndpoint}
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
