package authn

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/klammhq/klamm/internal/iam"
)

// Authenticate turns a credential into an identity. The steps are those that
// were taken in either case; the last step of a refusal has its code. The
// error's message is what the client may read. The identity of a refusal holds
// what was verified before it.
func (a *Authenticator) Authenticate(ctx context.Context, c iam.Credential) (iam.Identity, []iam.Step, error) {
	t := &trail{mechanism: c.Mechanism, steps: make([]iam.Step, 0, 10)}
	if a == nil || a.options.Now == nil {
		err := t.fail(NotCompiled, "rules", "none", "rules in force", "")
		return iam.Identity{}, t.steps, err
	}
	if err := checkMessage(t, c); err != nil {
		return iam.Identity{}, t.steps, err
	}
	v, err := a.verify(ctx, t, c.Token)
	if err != nil {
		return iam.Identity{}, t.steps, err
	}
	id := v.identityOf(c, a.generation)
	err = checkCluster(t, c)
	if err == nil {
		err = a.choose(t, v.provider, &id)
	}
	if err != nil && id.Claim == "" {
		id.Claim = v.provider.bestClaim(v.claims)
	}
	return id, t.steps, err
}

// identityOf is what of a verified token is known before any pool is.
func (v *verified) identityOf(c iam.Credential, generation uint64) iam.Identity {
	return iam.Identity{
		Provider: v.provider.ID, Cluster: c.Cluster, Mechanism: c.Mechanism,
		LogicalCluster: c.LogicalCluster, PoolSelection: c.PoolSelection,
		Expires: v.times.expires, Claims: v.claims, Key: v.key, Generation: generation,
	}
}

// Reassess evaluates an identity's claims under this authenticator's rules.
// What is new about it are pools, principal and generation.
func (a *Authenticator) Reassess(was iam.Identity) (iam.Identity, []iam.Step, error) {
	t := &trail{mechanism: was.Mechanism}
	if a == nil || a.options.Now == nil {
		err := t.fail(NotCompiled, "rules", "none", "rules in force", "")
		return was, t.steps, err
	}
	id, err := a.reassess(t, was)
	return id, t.steps, err
}

func (a *Authenticator) reassess(t *trail, was iam.Identity) (iam.Identity, error) {
	issuer, _ := was.Claims["iss"].(string)
	p := a.issuers[issuer]
	switch {
	case p == nil || p.ID != was.Provider:
		return was, t.fail(UnknownIssuer, "issuer", show(issuer)+" is no longer that of "+was.Provider, a.wantedIssuers(), "")
	case p.Disabled:
		return was, t.fail(IssuerDisabled, "issuer", p.ID+" is disabled", "an enabled identity provider", p.enableMend())
	case was.Generation < p.trust.Since:
		return was, t.fail(Retrusted, "key", "verified under generation "+strconv.FormatUint(was.Generation, 10)+" of the identity documents", "a key from where jwks_uri and ca of "+p.ID+" point to since generation "+strconv.FormatUint(p.trust.Since, 10), "")
	}
	if p.entra != nil {
		if err := p.entra.check(t, was.Claims); err != nil {
			return was, err
		}
	}
	if err := p.checkAudience(t, was.Claims); err != nil {
		return was, err
	}
	now := was
	now.Generation, now.Acting, now.Pools = a.generation, nil, nil
	if err := a.choose(t, p, &now); err != nil {
		return was, err
	}
	return now, nil
}

// checkCluster compares the client's word with the address it dialled.
func checkCluster(t *trail, c iam.Credential) error {
	switch {
	case c.LogicalCluster == c.Cluster && c.Cluster != "":
		t.ok("logical cluster", c.Cluster)
		return nil
	case c.LogicalCluster == "" && c.LogicalClusterOptional && c.Cluster != "":
		t.ok("logical cluster", "not named; the address stands for "+c.Cluster)
		return nil
	case c.LogicalCluster == "":
		return t.fail(NoLogicalCluster, "logical cluster", "no extension logicalCluster", show(c.Cluster)+", which the address stands for", "")
	}
	return t.fail(WrongCluster, "logical cluster", show(c.LogicalCluster), show(c.Cluster)+", which the address stands for", slip(c.LogicalCluster, c.Cluster))
}

// maxIdentity bounds what names an identity, in bytes.
const maxIdentity = 1024

// choose fills in pools, claim and principal.
func (a *Authenticator) choose(t *trail, p *provider, id *iam.Identity) error {
	pools, err := a.findPools(t, p, id.PoolSelection, id.Claims)
	if err != nil {
		return err
	}
	path, of := p.identity, "the IdentityProvider "+p.ID
	if len(pools) == 1 {
		path, of = pools[0].identity, "the IdentityPool "+pools[0].ID
	}
	value, found := path.find(id.Claims)
	text, isText := value.(string)
	switch {
	case !found || isText && text == "":
		return t.fail(NoIdentityClaim, "identity claim", "no "+path.String(), "a text", identityMend(of, id.Claims))
	case len(text) > maxIdentity:
		return t.fail(ClaimNotString, "identity claim", fmt.Sprintf("%s of %d bytes", path, len(text)), fmt.Sprintf("a text of at most %d bytes, since it names the identity in every audit event", maxIdentity), "")
	case !isText:
		return t.fail(ClaimNotString, "identity claim", path.String()+" "+show(value), "a text", identityMend(of, id.Claims))
	}
	t.ok("identity claim", path.String()+" "+show(text))
	id.Claim = text
	id.CRN = p.crn + iam.EscapeCRN(text)
	id.Pools, id.Acting = make([]string, len(pools)), make([]iam.Principal, len(pools))
	for i, pool := range pools {
		id.Pools[i], id.Acting[i] = pool.ID, pool.principal
	}
	id.Principal = iam.Principal(id.CRN)
	if len(pools) == 1 {
		id.Principal = id.Acting[0]
	}
	t.ok("principal", cut(string(id.Principal)))
	return nil
}

// naming are claims that name a client or a user, at some issuers.
var naming = []string{"sub", "oid", "azp", "appid", "client_id", "cid", "preferred_username", "email", "upn"}

// identityMend is where the identity claim is chosen, and what this token has.
func identityMend(of string, claims map[string]any) string {
	var list []string
	for _, name := range naming {
		if text, ok := claims[name].(string); ok && text != "" {
			list = append(list, claimPath{name}.String())
		}
	}
	if len(list) == 0 {
		return "have the provider issue the claim as a text, or set identity_claim of " + of + " to one that it issues"
	}
	return "set identity_claim of " + of + " to a claim that the token has as a text (" + strings.Join(list, ", ") + "), or have the provider issue this one"
}

// bestClaim is a word for a party that was verified and not let in.
func (p *provider) bestClaim(claims map[string]any) string {
	paths := []claimPath{p.identity}
	if len(p.pools) > 0 {
		paths = append(paths, p.pools[0].identity)
	}
	for _, path := range paths {
		if value, _ := path.find(claims); value != nil {
			if text, ok := value.(string); ok {
				return cut(text)
			}
		}
	}
	return ""
}
