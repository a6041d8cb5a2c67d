package oidc

import (
	"slices"

	"github.com/klammhq/klamm/internal/jwt"
)

// Answer is what the administrator's calls say. Names are those of RFC 7591 and
// RFC 8414 where they have them.
type Answer struct {
	Done    string   `json:"done,omitempty"` // a sentence
	Servers []Server `json:"servers,omitempty"`
	Server  *Server  `json:"server,omitempty"`        // as it is now
	Secret  string   `json:"client_secret,omitempty"` // of a new client, shown this once
	Token   string   `json:"token,omitempty"`
	Issued  []Issued `json:"issued,omitempty"`
}

// Server is a provider as the administrator sees it.
type Server struct {
	Name      string       `json:"name"`
	Shape     string       `json:"shape"`
	Issuer    string       `json:"issuer"`
	Discovery string       `json:"openid_configuration"`
	JWKSURL   string       `json:"jwks_uri"`
	TokenURL  string       `json:"token_endpoint,omitempty"`
	Audience  string       `json:"audience,omitempty"`
	Scopes    []string     `json:"scopes,omitempty"`
	Keys      []ServerKey  `json:"keys"`
	Clients   []ClientView `json:"clients"`
}

// ServerKey is a key that signs, or that verifiers know, or both.
type ServerKey struct {
	Kid       string `json:"kid"`
	Published bool   `json:"published"`
	Signs     bool   `json:"signs"`
}

// ClientView is a client without its secret.
type ClientView struct {
	ID      string   `json:"client_id"`
	Enabled bool     `json:"enabled"`
	Roles   []string `json:"roles,omitempty"`
	Method  string   `json:"token_endpoint_auth_method,omitempty"` // when it is limited to one
}

func (p *Provider) view() Server {
	v := Server{
		Name: p.name, Shape: string(p.kind), Issuer: p.Issuer(), Discovery: p.url(p.shape.discovery[0]), JWKSURL: p.JWKSURL(),
		TokenURL: p.TokenURL(), Audience: p.audience, Scopes: p.scopes, Keys: []ServerKey{}, Clients: []ClientView{},
	}
	set := p.keys.now()
	all := slices.Clone(set.published)
	if set.checkKnown() != nil {
		all = append(all, set.signer)
	}
	for _, key := range all {
		v.Keys = append(v.Keys, serverKey(set, key))
	}
	for _, c := range p.clients.all() {
		v.Clients = append(v.Clients, ClientView{c.ID, !c.Disabled, c.Roles, c.Method})
	}
	return v
}

func serverKey(set *keySet, key *jwt.SigningKey) ServerKey {
	return ServerKey{key.Kid, slices.Contains(set.published, key), key == set.signer}
}
