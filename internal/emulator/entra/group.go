package entra

import (
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// What groupMembershipClaims of a manifest may be.
const (
	noGroups       = "None"
	securityGroups = "SecurityGroup"
	allGroups      = "All"
)

// maxGroups is how many groups a JWT holds; one more, and it holds none.
//
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference#groups-overage-claim
const maxGroups = 200

func checkGroupClaims(value string) error {
	if value != "" && !slices.Contains([]string{noGroups, securityGroups, allGroups}, value) {
		return fault.New(fault.Invalid, "%q, expected %s, %s or %s", show(value), securityGroups, allGroups, noGroups).At("groupMembershipClaims")
	}
	return nil
}

// addGroup enters g, whose members learn of it.
func (t *tenant) addGroup(g *Group, taken map[string]bool) error {
	at := "group " + g.Name
	g.ObjectID = strings.ToLower(g.ObjectID)
	if g.ObjectID == "" {
		g.ObjectID = newUUID()
	}
	if g.Name == "" || taken[g.Name] || taken[g.ObjectID] || !isUUID(g.ObjectID) {
		return fault.New(fault.Invalid, "the group's name %q or object id %q is empty, taken or no UUID", g.Name, g.ObjectID).At(at)
	}
	taken[g.Name], taken[g.ObjectID] = true, true
	for i, name := range g.Members {
		var found []*principal
		for _, p := range t.principals {
			if p.name == name {
				found = append(found, p)
			}
		}
		if len(found) != 1 || slices.Contains(g.Members[:i], name) {
			return fault.New(fault.Invalid, "the member %q is an application or a managed identity %d times, or a member twice; expected once", name, len(found)).At(at)
		}
		found[0].groups = append(found[0].groups, *g)
	}
	return nil
}

// addGroupClaims puts the groups of p into claims, as the resource's manifest
// wants them; when they are too many, where to ask for them instead.
func (t *tenant) addGroupClaims(claims map[string]any, p *principal, resource *app) {
	if resource.GroupMembershipClaims != securityGroups && resource.GroupMembershipClaims != allGroups {
		return
	}
	var ids []string
	for _, g := range p.groups {
		if resource.GroupMembershipClaims == allGroups || !g.NotSecurity {
			ids = append(ids, g.ObjectID)
		}
	}
	switch {
	case len(ids) > maxGroups:
		// OpenID Connect Core section 5.6.2: a distributed claim.
		claims["_claim_names"] = map[string]any{"groups": "src1"}
		claims["_claim_sources"] = map[string]any{"src1": map[string]any{
			"endpoint": "https://graph.windows.net/" + t.id + "/servicePrincipals/" + p.objectID + "/getMemberObjects",
		}}
	case len(ids) > 0:
		claims["groups"] = ids
	}
}
