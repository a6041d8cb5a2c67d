package authz

import (
	"fmt"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/iam"
)

// Enough lists role bindings each of which would allow the action, the role
// with the fewest rights first, as identity documents of one line. Roles that
// contain another one of the list are left out, and administrators stand in it
// only where no narrower role will do. It is empty when no binding can allow
// the action. Where any resource will do, TOPIC or the like stands for a name.
func (r *Rules) Enough(id iam.Identity, a iam.Action) []string {
	if a.On.Reserved() || a.On.Internal() && !readable.Has(a.Op) || id.Cluster == "" {
		return nil
	}
	var lines []string
	for _, role := range smallest(a) {
		on := iam.Pattern{Organization: r.org.ID, Environment: r.org.Environment, Cluster: id.Cluster}
		if role.scopes[0] == iam.ScopeResource {
			on.Type, on.Name, on.Prefix = target(a.On)
			if on.Name == "" && !on.Prefix {
				continue // no pattern names the empty name
			}
		}
		for _, p := range bindable(id) {
			lines = append(lines, document(p, role.name, on))
		}
	}
	return lines
}

// bindable are the principals of an identity that a binding can name: that of
// several pools acting together is a CRN, its pools are not.
func bindable(id iam.Identity) []iam.Principal {
	var ps []iam.Principal
	for _, p := range append([]iam.Principal{id.Principal}, id.Acting...) {
		if p.Valid() && !slices.Contains(ps, p) {
			ps = append(ps, p)
		}
	}
	return ps
}

// smallest are roles on one resource that allow the action, none of which
// contains another; else the administrator of the cluster.
func smallest(a iam.Action) []*role {
	bound, _, _ := target(a.On)
	var narrow, wide []*role
	for i := range roles {
		r := &roles[i]
		switch r.scopes[0] {
		case iam.ScopeResource:
			contains := func(other *role) bool { return other.ops[bound]&^r.ops[bound] == 0 }
			if r.on(a.On.Type, bound).Has(a.Op) && !a.On.Internal() && !slices.ContainsFunc(narrow, contains) {
				narrow = append(narrow, r)
			}
		case iam.ScopeCluster:
			if r.on(a.On.Type, 0).Has(a.Op) {
				wide = append(wide, r)
			}
		}
	}
	if narrow != nil {
		return narrow
	}
	return wide
}

// target is what to bind a role to so that it counts for a resource; some
// topic, for the cluster itself.
func target(on iam.Resource) (t iam.ResourceType, name string, prefix bool) {
	switch {
	case on.Type == iam.Cluster:
		return iam.Topic, written[iam.Topic].any, false
	case on.Any:
		return on.Type, written[on.Type].any, false
	case on.Name == "*":
		return on.Type, "", true
	}
	return on.Type, on.Name, false
}

// written says how types of resources are named in identity documents, and what
// stands there for a name that the reader must choose.
var written = map[iam.ResourceType]struct{ key, any string }{
	iam.Topic: {"topic", "TOPIC"}, iam.Group: {"group", "GROUP"}, iam.TransactionalID: {"transactional_id", "TRANSACTIONAL_ID"},
}

// document writes a binding as one line of YAML. A name with a * of its own
// can only be written as a CRN.
func document(p iam.Principal, role string, on iam.Pattern) string {
	start := fmt.Sprintf("{kind: RoleBinding, principal: %q, role: %s, ", string(p), role)
	switch {
	case on.Type == 0:
		return start + fmt.Sprintf("on: {cluster: %s}}", on.Cluster)
	case strings.Contains(on.Name, "*"):
		return start + fmt.Sprintf("crn: %q}", on.CRN())
	case on.Prefix:
		on.Name += "*"
	}
	return start + fmt.Sprintf("on: {cluster: %s, %s: %q}}", on.Cluster, written[on.Type].key, on.Name)
}
