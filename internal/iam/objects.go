package iam

// Organization is what all CRNs of a store begin with. All clusters of a
// files store are in its one environment.
type Organization struct {
	ID          string // a UUID
	Environment string // "env-…"
}

// Provider is an OpenID Connect issuer whose tokens are accepted.
type Provider struct {
	ID          string // "op-…"
	DisplayName string
	Description string
	Issuer      string // matched byte for byte with the claim iss
	JWKSURI     string
	CA          string // PEM of the certificate authorities for JWKSURI; the system's when empty
	Entra       bool   // turns on the checks that only Microsoft Entra tokens know
	// Audiences are accepted values of aud; none means that aud is left to the
	// pools' filters.
	Audiences       []string
	RequireAudience bool   // refuse pools that do not pin an audience
	IdentityClaim   string // "claims.sub" when empty; used when several pools act together
	Disabled        bool
	Origin          string // file:line:column or other place where it is defined
}

// Pool maps tokens of one provider that pass its filter to a principal.
type Pool struct {
	ID            string // "pool-…"
	Provider      string // id of the provider
	DisplayName   string
	Description   string
	IdentityClaim string // "claims.oid"; "claims.sub" when empty
	Filter        string // a CEL expression over claims
	Disabled      bool
	Origin        string
}

// Principal is who a token becomes through this pool alone.
func (p Pool) Principal() Principal { return PoolPrincipal(p.ID) }

// Binding gives a role to a principal on what a pattern covers. Bindings only allow.
type Binding struct {
	ID        string // "rb-…"
	Principal Principal
	Role      string
	On        Pattern
	Origin    string
}

// Snapshot is the whole state of identity at one moment. It is immutable once
// it is published; key sets are not part of it.
type Snapshot struct {
	Generation   uint64
	Organization Organization
	Providers    map[string]Provider
	Pools        map[string]Pool
	Bindings     map[string]Binding
}

// Clone copies the snapshot so that the copy's maps may be changed.
func (s *Snapshot) Clone() *Snapshot {
	c := &Snapshot{Generation: s.Generation, Organization: s.Organization}
	c.Providers, c.Pools, c.Bindings = cloneMap(s.Providers), cloneMap(s.Pools), cloneMap(s.Bindings)
	return c
}

func cloneMap[V any](m map[string]V) map[string]V {
	c := make(map[string]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
