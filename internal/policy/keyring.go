package policy

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"sync"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
)

// KeyOptions say where keys may come from. The zero value is the strictest.
type KeyOptions struct {
	// CacheDir keeps the last good keys of each provider; none when empty.
	CacheDir string
	// NamedInConfiguration says that providers come from files on this machine:
	// their key sets may be on loopback and private addresses.
	NamedInConfiguration bool
	// Proxy leads to key sets; the zero value is none.
	Proxy jwt.Proxy
	// Lab trusts any key set for Microsoft's issuers, and plain http on
	// loopback. It is set in code only.
	Lab bool
}

// Keyring holds the key sets of all providers across changes of the rules.
type Keyring struct {
	options KeyOptions

	mu   sync.Mutex
	sets map[source]*entry
}

// source is where the keys of a provider come from.
type source struct{ provider, uri, ca string }

type entry struct {
	remote  *jwt.Remote
	inForce bool   // rules that use it came into force
	since   uint64 // generation of the first of them
	latest  uint64 // newest generation that was compiled with it
}

// NewKeyring makes an empty keyring.
func NewKeyring(o KeyOptions) *Keyring {
	return &Keyring{options: o, sets: map[source]*entry{}}
}

// trust finds or makes the key set of each enabled provider. The error joins
// one fault for each provider that gets none; it is in the map, without keys.
func (r *Keyring) trust(s *iam.Snapshot) (map[string]authn.Trust, map[source]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	trust, used := map[string]authn.Trust{}, map[source]bool{}
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(s.Providers)) {
		p := s.Providers[id]
		if p.Disabled {
			continue
		}
		from := source{id, p.JWKSURI, p.CA}
		e := r.sets[from]
		if e == nil {
			remote, err := r.open(p)
			if err != nil {
				faults = append(faults, keyFault(p, err))
				trust[id] = authn.Trust{}
				continue
			}
			e = &entry{remote: remote}
			r.sets[from] = e
		}
		if !e.inForce { // compiled before, and never used
			e.since = s.Generation
		}
		e.latest = max(e.latest, s.Generation)
		used[from], trust[id] = true, authn.Trust{Keys: e.remote, Since: e.since}
	}
	return trust, used, errors.Join(faults...)
}

func (r *Keyring) open(p iam.Provider) (*jwt.Remote, error) {
	if !r.options.Lab {
		if err := ofMicrosoft(p); err != nil {
			return nil, err
		}
	}
	o := jwt.RemoteOptions{
		URL: p.JWKSURI, CA: p.CA, Proxy: r.options.Proxy,
		NamedInConfiguration: r.options.NamedInConfiguration || r.options.Lab,
		AllowPlainLoopback:   r.options.Lab,
	}
	if r.options.CacheDir != "" {
		o.CacheFile = filepath.Join(r.options.CacheDir, "keys-"+url.PathEscape(p.ID)+".json")
	}
	return jwt.NewRemote(o)
}

// keep marks the key sets of rules that came into force, and closes those that
// neither they nor newer ones use.
func (r *Keyring) keep(used map[source]bool, generation uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for from, e := range r.sets {
		if used[from] {
			e.inForce = true
		} else if e.latest <= generation {
			e.remote.Close()
			delete(r.sets, from)
		}
	}
}

// Close ends all fetches.
func (r *Keyring) Close() { r.keep(nil, math.MaxUint64) }

// Status tells how the key set of each provider in force is, by id.
func (r *Keyring) Status() map[string]jwt.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make(map[string]jwt.Status, len(r.sets))
	for from, e := range r.sets {
		if e.inForce {
			list[from.provider] = e.remote.Status()
		}
	}
	return list
}

// Refresh fetches a provider's keys now. It returns which keys, by thumbprint,
// it then lacks: a new key under an old id is another one. Hand that to the
// guard, which ends their sessions.
func (r *Keyring) Refresh(ctx context.Context, provider string) (gone func(thumbprint string) bool, err error) {
	r.mu.Lock()
	var remote *jwt.Remote
	for from, e := range r.sets {
		if from.provider == provider && e.inForce {
			remote = e.remote
		}
	}
	r.mu.Unlock()
	if remote == nil {
		return nil, fault.New(fault.NotFound, "there is no enabled identity provider %q", provider)
	}
	if err := remote.Refresh(ctx); err != nil {
		return nil, err
	}
	return func(thumbprint string) bool { return !remote.Holds(thumbprint) }, nil
}

// keyFault puts the provider and its place before what is wrong with its keys.
func keyFault(p iam.Provider, err error) error {
	f := fault.New(fault.Invalid, "identity provider %s, jwks_uri: %s", p.ID, err.Error()).At(p.Origin)
	f.Hint = fault.HintOf(err)
	return f
}
