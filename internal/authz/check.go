package authz

import (
	"fmt"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/iam"
)

// BindingError says what is wrong with one role binding.
type BindingError struct {
	Binding string // id
	Origin  string // file:line:column or other place where it is defined
	Message string // one sentence without a final stop
	Hint    string
}

// Error is the place and the sentence.
func (e *BindingError) Error() string {
	s := "role binding " + e.Binding + ": " + e.Message
	if e.Origin != "" {
		s = e.Origin + ": " + s
	}
	return s
}

// check finds the role of a binding that is right in itself and belongs to the
// organization.
func check(b iam.Binding, org iam.Organization) (*role, error) {
	wrong := func(hint, format string, args ...any) (*role, error) {
		return nil, &BindingError{Binding: b.ID, Origin: b.Origin, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	r, ok := roleNamed(b.Role)
	p := b.On
	switch {
	case !b.Principal.Valid():
		return wrong("write it as User:pool-… or Group:group-…", "the principal %q is neither User: nor Group: and a name", b.Principal)
	case !ok:
		return wrong(similarRole(b.Role), "there is no role %q", b.Role)
	case p.Organization == "" || p.Organization != org.ID:
		return wrong("an Organization document names the organization of this store", "the organization %q is not this store's %q", p.Organization, org.ID)
	case p.Scope() != iam.ScopeOrganization && p.Environment != org.Environment:
		return wrong("an Organization document names the environment of this store", "the environment %q is not this store's %q", p.Environment, org.Environment)
	case p.Type != 0 && p.Cluster == "":
		return wrong("name the cluster beside the resource", "a resource without a cluster covers nothing")
	case p.Type != 0 && all[p.Type] == 0 || p.Type == iam.Cluster:
		return wrong("bind it to a topic, a group, a transactional id or the whole cluster", "a role cannot be bound to a resource of type %s", p.Type)
	case p.Type != 0 && p.Name == "" && !p.Prefix:
		return wrong("* stands for all names", "the resource has no name")
	case !slices.Contains(r.scopes, p.Scope()):
		return wrong(scopeHint(r), "the role %s cannot be bound at the scope %s (%s)", r.name, p.Scope(), p)
	}
	return r, nil
}

func scopeHint(r *role) string {
	if r.scopes[0] == iam.ScopeResource {
		return r.name + " needs a resource: a topic, group or transactional id; * at the end of a name stands for any rest"
	}
	names := make([]string, len(r.scopes))
	for i, s := range r.scopes {
		names[i] = s.String()
	}
	return r.name + " is bound at the scope " + strings.Join(names, " or ")
}

// similarRole names the role that differs in capital letters only, or all.
func similarRole(name string) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		if strings.EqualFold(r.name, name) {
			return "it is written " + r.name
		}
		names[i] = r.name
	}
	return "the roles are " + strings.Join(names, ", ")
}
