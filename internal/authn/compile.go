package authn

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/filter"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

// Options are the settings of an [Authenticator]; the zero value is right for
// a product.
type Options struct {
	Now         func() time.Time // time.Now when nil
	MaxLifetime time.Duration    // of a token; 25 h when 0: managed identities' tokens live 24 h
	CacheSize   int              // verified tokens that are remembered; 4096 when 0
}

const (
	maxLifetime = 25 * time.Hour
	cacheSize   = 4096
	// skew is how far a provider's clock may be ahead (nbf, iat). A token's end
	// gets none.
	skew = 60 * time.Second
)

// Trust is where a provider's keys come from. It outlives the snapshot. A zero
// Trust is that of a provider whose key set is a fault already.
type Trust struct {
	Keys jwt.KeySet
	// Since is the generation in which the source of the keys was last changed;
	// identities that are older were verified by keys that are no longer trusted.
	Since uint64
}

// Warning is something that a snapshot may say but rarely should.
type Warning struct {
	Code    iam.Code
	Where   string // file:line:column or other place
	Message string
	Mend    string
}

// Authenticator authenticates under one snapshot. It is safe for concurrent
// use. Its zero value refuses everybody.
type Authenticator struct {
	generation uint64
	issuers    map[string]*provider
	pools      map[string]*pool
	options    Options
	verified   cache
}

type provider struct {
	iam.Provider
	trust    Trust
	identity claimPath
	crn      string  // of its identities, up to the claim
	pools    []*pool // enabled, by id
	entra    *entra  // nil for others
}

type pool struct {
	iam.Pool
	provider  *provider
	filter    *filter.Filter
	identity  claimPath
	principal iam.Principal
	step      string // the name of its steps
}

// Compile makes an authenticator. All that is wrong with the snapshot is in
// the error, each fault with its place; what is only unwise is in the warnings.
func Compile(s *iam.Snapshot, trust map[string]Trust, o Options) (*Authenticator, []Warning, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.MaxLifetime, o.CacheSize = cmp.Or(o.MaxLifetime, maxLifetime), cmp.Or(o.CacheSize, cacheSize)
	a := &Authenticator{
		generation: s.Generation, options: o, verified: cache{size: o.CacheSize},
		issuers: map[string]*provider{}, pools: map[string]*pool{},
	}
	var faults []error
	byID := map[string]*provider{}
	for _, id := range slices.Sorted(maps.Keys(s.Providers)) {
		from, known := trust[id]
		if known && from.Keys == nil {
			continue // whoever made the key sets has said why there is none
		}
		p, err := compileProvider(s.Providers[id], from, s.Organization.ID)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		byID[id] = p
		faults = append(faults, a.admit(p))
	}
	var warnings []Warning
	for _, id := range slices.Sorted(maps.Keys(s.Pools)) {
		p, err := compilePool(s.Pools[id], s.Providers, byID)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if p == nil {
			continue // its provider is at fault already
		}
		a.pools[id] = p
		if !p.Disabled {
			p.provider.pools = append(p.provider.pools, p)
		}
		warnings = append(warnings, p.warnings()...)
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		warnings = append(warnings, byID[id].warnings()...)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, warnings, err
	}
	return a, warnings, nil
}

// admit makes a provider answer for its issuer; an enabled one goes before
// disabled ones, and two enabled ones are a fault.
func (a *Authenticator) admit(p *provider) error {
	other := a.issuers[p.Issuer]
	switch {
	case other == nil || other.Disabled:
		a.issuers[p.Issuer] = p
	case !p.Disabled:
		return fault.New(fault.Conflict, "the identity providers %s and %s both have the issuer %q, expected one", other.ID, p.ID, p.Issuer).
			At(p.Origin).Mend("disable or remove one of them; several pools can share a provider")
	}
	return nil
}

func compileProvider(p iam.Provider, t Trust, organization string) (*provider, error) {
	c := &provider{Provider: p, trust: t, crn: "crn://confluent.cloud/organization=" + iam.EscapeCRN(organization) + "/identity-provider=" + iam.EscapeCRN(p.ID) + "/identity="}
	var err error
	if c.identity, err = parseClaimPath(p.IdentityClaim); err != nil {
		return nil, at(err, p.Origin, "identity provider "+p.ID)
	}
	if p.Issuer == "" {
		return nil, fault.New(fault.Invalid, "identity provider %s: the issuer is missing, expected the claim iss of its tokens", p.ID).At(p.Origin)
	}
	if strings.ContainsAny(p.Issuer, "{}") {
		return nil, fault.New(fault.Invalid, "identity provider %s: the issuer %q is a template, expected the very text of the claim iss", p.ID, p.Issuer).At(p.Origin).
			Mend("write the tenant's id in its place")
	}
	if t.Keys == nil && !p.Disabled {
		return nil, fault.New(fault.Invalid, "identity provider %s has no key set, so that no token of it can be verified", p.ID).At(p.Origin).
			Mend("give its jwks_uri")
	}
	if p.Entra || iam.MicrosoftOf(p.Issuer).Entra {
		if c.entra, err = newEntra(p.Issuer); err != nil {
			return nil, at(err, p.Origin, "identity provider "+p.ID)
		}
	}
	return c, nil
}

func compilePool(p iam.Pool, known map[string]iam.Provider, compiled map[string]*provider) (*pool, error) {
	if _, ok := known[p.Provider]; !ok {
		return nil, fault.New(fault.Invalid, "identity pool %s: there is no identity provider %q", p.ID, p.Provider).At(p.Origin).
			Mend("name the id of an identity provider")
	}
	f, err := filter.Compile(p.Filter)
	if err != nil {
		return nil, at(err, p.Origin, "filter of identity pool "+p.ID)
	}
	path, err := parseClaimPath(p.IdentityClaim)
	if err != nil {
		return nil, at(err, p.Origin, "identity pool "+p.ID)
	}
	c := &pool{Pool: p, provider: compiled[p.Provider], filter: f, identity: path, principal: p.Principal(), step: "pool " + p.ID}
	if c.provider == nil {
		return nil, nil
	}
	if c.provider.RequireAudience && c.anyAudience() {
		return nil, fault.New(fault.Invalid, "identity pool %s: its filter does not pin aud, azp or client_id on every way to true, its provider lists no audiences, and requires one of both", p.ID).
			At(p.Origin).Mend(`list the provider's audiences, or add claims.aud == "…" with && around the whole filter`)
	}
	return c, nil
}

// anyAudience reports whether tokens for any application may pass the pool.
func (p *pool) anyAudience() bool {
	return len(p.provider.Audiences) == 0 && !p.filter.PinsAudience()
}

// warnings says what is unwise about a pool.
func (p *pool) warnings() []Warning {
	if p.anyAudience() {
		return []Warning{{
			Code: "pool-without-audience", Where: p.Origin,
			Message: "identity pool " + p.ID + " admits tokens that were issued for any audience of " + p.Provider + ": its filter pins none of aud, azp and client_id, and the provider lists no audiences",
			Mend:    "list the provider's audiences, or add claims.aud == \"…\" to the filter",
		}}
	}
	return nil
}

func (p *provider) warnings() []Warning {
	if !p.Disabled && len(p.pools) == 0 {
		return []Warning{{
			Code: "provider-without-pool", Where: p.Origin,
			Message: "identity provider " + p.ID + " has no enabled identity pool, so nobody can come in through it",
			Mend:    "add an identity pool, or remove the provider",
		}}
	}
	return nil
}

// at puts an object and its place before the fault of one of its fields.
func at(err error, origin, what string) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return fault.New(fault.Invalid, "%s: %v", what, err).At(origin)
	}
	g := *f
	if g.Where != "" {
		what += ", " + g.Where
	}
	g.Message = what + ": " + g.Message
	return g.At(origin)
}
