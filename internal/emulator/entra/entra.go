// Package entra emulates the token service of Microsoft Entra ID for programs
// that have an identity of their own: applications with secrets, certificates or
// federated credentials (the grant client_credentials), and managed identities.
//
// It answers as the real one does, error numbers included, for the tenants in
// its configuration, which can be changed while it runs. It signs in no people,
// keeps nothing, reaches no network but for the keys of issuers that federated
// credentials name, and shows a secret only to who adds it. It is for
// laboratories and tests.
//
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
package entra

import (
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
)

// Issuers say whose name stands in the claim iss.
type Issuers string

const (
	// Microsoft are the literal issuers of the global cloud. Tokens for them
	// verify only with this emulator's keys.
	Microsoft Issuers = "microsoft"
	// Own are below the emulator's URL.
	Own Issuers = "own"
)

// Config is what the emulator knows.
type Config struct {
	Tenants []Tenant
	Issuers Issuers // Microsoft when empty
	// BaseURL is where clients reach the emulator, https and without a path.
	// [Entra.SetBaseURL] sets it once the port is known.
	BaseURL string
	// TokenLifetime is from now to exp, whole seconds. For 0 it is that of the
	// real service: an hour for applications, a day for managed identities.
	TokenLifetime time.Duration
	Now           func() time.Time // time.Now when nil
	// Keys are published, and the first signs. Two RSA keys are made when there
	// are none.
	Keys []*jwt.SigningKey
	// IssuerKeys are those of the issuers that federated credentials trust, as
	// [NewIssuerKeys] fetches them. Without it no such credential is good.
	IssuerKeys IssuerKeys
}

// Entra is the emulator. It is safe for concurrent use.
type Entra struct {
	config  Config
	tenants []*directory
	base    atomic.Pointer[string]
	keys    *keys
	issued  issuedList
	mux     *http.ServeMux
}

// New makes an emulator. Faults in the configuration are Invalid.
func New(c Config) (*Entra, error) {
	if c.Issuers == "" {
		c.Issuers = Microsoft
	}
	if c.Issuers != Microsoft && c.Issuers != Own {
		return nil, fault.New(fault.Invalid, "%q are no issuers, expected %s or %s", c.Issuers, Microsoft, Own).At("Issuers")
	}
	if c.TokenLifetime < 0 || c.TokenLifetime%time.Second != 0 {
		return nil, fault.New(fault.Invalid, "a token lifetime is whole seconds, or 0 for the real one").At("TokenLifetime")
	}
	if len(c.Tenants) == 0 {
		return nil, fault.New(fault.Invalid, "there is no tenant, expected at least one").At("Tenants")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	e := &Entra{config: c, mux: http.NewServeMux()}
	e.SetBaseURL(c.BaseURL)
	for _, t := range c.Tenants {
		if c.Issuers == Microsoft && t.ID != "random" {
			return nil, fault.New(fault.Invalid, "the tenant id %q may be somebody's, expected random with Microsoft's issuers", t.ID).At("Tenant.ID").
				Mend("use the id random, or the issuers %s", Own)
		}
		compiled, err := compile(t)
		if err != nil {
			return nil, err
		}
		if e.tenant(compiled.id) != nil || e.tenant(compiled.domain) != nil {
			return nil, fault.New(fault.Invalid, "two tenants have the id or domain of %s", compiled.id).At("Tenants")
		}
		e.tenants = append(e.tenants, newDirectory(compiled))
	}
	e.keys = newKeys(c.Keys)
	e.routes()
	return e, nil
}

func (e *Entra) routes() {
	for pattern, h := range map[string]httpd.Handler{
		"/{tenant}/oauth2/token":                              e.tokenV1,
		"/{tenant}/oauth2/v2.0/token":                         e.tokenV2,
		"GET /{tenant}/.well-known/openid-configuration":      e.discoveryV1,
		"GET /{tenant}/v2.0/.well-known/openid-configuration": e.discoveryV2,
		"GET /{tenant}/discovery/keys":                        e.keysV1,
		"GET /{tenant}/discovery/v2.0/keys":                   e.keysV2,
		"GET /common/discovery/instance":                      e.instance,
		"GET /_lab/issued":                                    e.listIssued,
	} {
		e.mux.Handle(pattern, httpd.Handle(h, e.writeError))
	}
}

// ServeHTTP implements http.Handler. It never redirects, as a ServeMux does for
// paths that it finds untidy: librdkafka takes a redirect for a success.
func (e *Entra) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !path.IsAbs(r.URL.Path) || path.Clean(r.URL.Path) != r.URL.Path {
		http.NotFound(w, r)
		return
	}
	e.mux.ServeHTTP(w, r)
}

// SetBaseURL says where clients reach the emulator.
func (e *Entra) SetBaseURL(url string) {
	url = strings.TrimRight(url, "/")
	e.base.Store(&url)
}

func (e *Entra) baseURL() string { return *e.base.Load() }

// TenantID is the id of the tenant with this index in the configuration; for
// "random" the one that was chosen. It is empty for an index out of range.
func (e *Entra) TenantID(i int) string {
	if i < 0 || i >= len(e.tenants) {
		return ""
	}
	return e.tenants[i].current.Load().id
}

// Issuer is the claim iss of a tenant's tokens, in version 1 or 2.
func (e *Entra) Issuer(tenantID string, version int) string {
	host := map[int]string{1: "https://sts.windows.net", 2: "https://login.microsoftonline.com"}[version]
	if e.config.Issuers == Own {
		host = e.baseURL()
	}
	if version == 1 {
		return host + "/" + tenantID + "/"
	}
	return host + "/" + tenantID + "/v2.0"
}

// JWKSURL is where a tenant's keys are; their member issuer is that of version
// 2.
func (e *Entra) JWKSURL(tenantID string) string {
	return e.baseURL() + "/" + tenantID + "/discovery/v2.0/keys"
}

// JWKSURLV1 is where the keys are whose member issuer is that of version 1.
func (e *Entra) JWKSURLV1(tenantID string) string {
	return e.baseURL() + "/" + tenantID + "/discovery/keys"
}

// TokenURL is the token endpoint of version 2, which takes a scope.
func (e *Entra) TokenURL(tenantID string) string {
	return e.baseURL() + "/" + tenantID + "/oauth2/v2.0/token"
}

// directory finds that of a tenant by its id or domain.
func (e *Entra) directory(name string) *directory {
	for _, d := range e.tenants {
		t := d.current.Load()
		if name != "" && (strings.EqualFold(name, t.id) || strings.EqualFold(name, t.domain)) {
			return d
		}
	}
	return nil
}

// tenant is the state of a tenant as it is now.
func (e *Entra) tenant(name string) *tenant {
	if d := e.directory(name); d != nil {
		return d.current.Load()
	}
	return nil
}
