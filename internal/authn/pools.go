package authn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/iam"
)

const (
	maxPools = 20 // in a selection
	maxShown = 20 // steps about pools that do not match
)

// findPools chooses by the client's selection: every named pool must match; if
// none is named, all matching pools of the provider count. They are sorted.
func (a *Authenticator) findPools(t *trail, p *provider, selection string, claims map[string]any) ([]*pool, error) {
	if selection == "" {
		return matching(t, p, claims)
	}
	ids := strings.Split(selection, ",")
	if len(ids) > maxPools {
		return nil, t.fail(TooManyPools, "pools", fmt.Sprintf("%d pools", len(ids)), fmt.Sprintf("at most %d", maxPools), "")
	}
	pools := make([]*pool, 0, len(ids))
	for _, id := range ids {
		id = strings.TrimSpace(id)
		found, err := a.named(t, p, id)
		if err != nil {
			return nil, err
		}
		if slices.Contains(pools, found) {
			return nil, t.fail(DuplicatePool, found.step, "named twice", "each pool once", "take the second "+found.ID+" out of the extension identityPoolId")
		}
		if ok, err := found.filter.Match(claims); err != nil || !ok {
			return nil, found.refuse(t, claims, err)
		}
		t.ok(found.step, "its filter matches")
		pools = append(pools, found)
	}
	slices.SortFunc(pools, func(a, b *pool) int { return strings.Compare(a.ID, b.ID) })
	return pools, nil
}

// named finds a pool that the client names.
func (a *Authenticator) named(t *trail, p *provider, id string) (*pool, error) {
	found := a.pools[id]
	switch {
	case id == "":
		return nil, t.fail(UnknownPool, "pools", "an empty item in the list", "ids of pools, one comma between two", "remove the comma that has no pool beside it")
	case found == nil:
		return nil, t.fail(UnknownPool, "pool "+cut(id), show(id)+" does not exist", "a pool of "+p.ID+p.poolNames(), p.poolMend(id))
	case found.provider != p:
		return nil, t.fail(ForeignPool, found.step, "it belongs to "+found.Provider, "a pool of "+p.ID+p.poolNames(), "")
	case found.Disabled:
		return nil, t.fail(PoolDisabled, found.step, "it is disabled", "an enabled pool", "take disabled: true out of the IdentityPool "+found.ID+", or name another in the extension identityPoolId")
	}
	return found, nil
}

// poolMend knows what is easily written in place of a pool's id.
func (p *provider) poolMend(id string) string {
	for _, pool := range p.pools {
		if mend := slip(id, pool.ID); mend != "" {
			return mend
		}
		for _, known := range []struct {
			made bool
			mend string
		}{
			{id == string(pool.principal), "write the id without User: in front of it, " + pool.ID},
			{strings.TrimRight(id, `\`) == pool.ID, "leave out the backslash: only librdkafka's sasl.oauthbearer.extensions wants one before a comma"},
			{id == pool.DisplayName, "that is the display name; the id is " + pool.ID},
		} {
			if known.made {
				return known.mend
			}
		}
	}
	return ""
}

func (p *provider) poolNames() string {
	if len(p.pools) == 0 {
		return "; it has none"
	}
	names := make([]string, 0, maxPools)
	for _, pool := range p.pools[:min(len(p.pools), maxPools)] {
		names = append(names, pool.ID)
	}
	return ": " + cut(strings.Join(names, ", "))
}

// refuse is the step of a filter that does not admit the claims.
func (p *pool) refuse(t *trail, claims map[string]any, err error) error {
	code := FilterFalse
	if err != nil {
		code = FilterError
	}
	saw, mend := p.explain(claims)
	if mend == "" {
		mend = p.provider.admits(claims)
	}
	return t.fail(code, p.step, saw, p.Filter, mend)
}

// admits knows which pools could have been named instead.
func (p *provider) admits(claims map[string]any) string {
	var names []string
	for _, other := range p.pools[:min(len(p.pools), maxShown)] {
		if ok, err := other.filter.Match(claims); err == nil && ok {
			names = append(names, other.ID)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "this token is admitted by " + cut(strings.Join(names, ", ")) + ": set the extension identityPoolId to that, or change filter of the IdentityPool that was named"
}

// explain says which part of the filter decided, and how to mend it.
func (p *pool) explain(claims map[string]any) (saw, mend string) {
	why := p.filter.Explain(claims)
	mend, why.Hint = why.Hint, ""
	return why.String(), mend
}

// matching are all enabled pools of the provider whose filter matches. A
// filter that cannot be evaluated does not match.
func matching(t *trail, p *provider, claims map[string]any) ([]*pool, error) {
	var pools []*pool
	for _, candidate := range p.pools {
		if ok, err := candidate.filter.Match(claims); err == nil && ok {
			t.ok(candidate.step, "its filter matches")
			pools = append(pools, candidate)
		}
	}
	if len(pools) > 0 {
		return pools, nil
	}
	for _, candidate := range p.pools[:min(len(p.pools), maxShown)] {
		saw, mend := candidate.explain(claims)
		t.steps = append(t.steps, iam.Step{Name: candidate.step, Saw: saw, Wanted: candidate.Filter, Mend: mend})
	}
	return nil, t.fail(NoMatchingPool, "pools", fmt.Sprintf("none of the %d enabled pools of %s matches", len(p.pools), p.ID), "at least one that matches", "")
}
