package oidc

import (
	"net/http"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// Host serves several providers at one address; paths tell them apart. The
// first also words what is about none of them. The zero value serves nobody.
type Host struct {
	providers []*Provider
	paths     map[string]*Provider
}

// Add adds a provider before the host serves. It is an Invalid error when
// another one answers at one of its paths.
func (h *Host) Add(p *Provider) error {
	if h.named(p.name) != nil {
		return fault.New(fault.Invalid, "the name %q is taken by another server, expected one of its own", p.name).At("name")
	}
	for path := range p.routes {
		if other, taken := h.paths[path]; taken {
			return fault.New(fault.Invalid, "the server %q answers at %s as %q does, expected paths of its own", p.server, path, other.server).At("server")
		}
	}
	if h.paths == nil {
		h.paths = map[string]*Provider{}
	}
	h.providers = append(h.providers, p)
	for path := range p.routes {
		if path != issuedPath { // which is everybody's
			h.paths[path] = p
		}
	}
	return nil
}

// named is the provider of a name, nil for none.
func (h *Host) named(name string) *Provider {
	if i := slices.IndexFunc(h.providers, func(p *Provider) bool { return p.name == name }); i >= 0 {
		return h.providers[i]
	}
	return nil
}

// ServeHTTP implements [http.Handler]. It never redirects.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case len(h.providers) == 0:
		failed.write(w)
	case r.URL.Path == issuedPath && r.Method == http.MethodGet:
		issuedAnswer(h.issued()).write(w)
	default:
		h.provider(r.URL.Path).ServeHTTP(w, r)
	}
}

// provider is who answers at a path: whose it is, or else in whose issuer it lies.
func (h *Host) provider(path string) *Provider {
	if p, known := h.paths[path]; known {
		return p
	}
	for _, p := range h.providers {
		if strings.HasPrefix(path, p.path(p.shape.issuer)+"/") {
			return p
		}
	}
	return h.providers[0]
}

func (h *Host) issued() []Issued {
	all := []Issued{}
	for _, p := range h.providers {
		all = append(all, p.Issued()...)
	}
	slices.SortStableFunc(all, func(a, b Issued) int { return a.IssuedAt.Compare(b.IssuedAt) })
	return all
}
