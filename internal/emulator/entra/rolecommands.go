package entra

import (
	"fmt"
	"slices"

	"github.com/klammhq/klamm/internal/fault"
)

type newRole struct {
	reference
	Value       string `json:"value"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
	MemberTypes string `json:"allowedMemberTypes"` // Application when empty
}

func addRole(t *Tenant, c newRole) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if err := plain("value", c.Value, false); err != nil {
		return result{}, err
	}
	users := c.MemberTypes == memberTypes[true]
	if !users && c.MemberTypes != "" && c.MemberTypes != memberTypes[false] {
		return result{}, fault.New(fault.Invalid, "%q may have no role, expected Application or User", show(c.MemberTypes)).At("allowedMemberTypes")
	}
	if a.role(c.Value) {
		return result{}, fault.New(fault.Conflict, "%s has the app role %s already", a.Name, c.Value)
	}
	a.Roles = append(a.Roles, AppRole{Value: c.Value, DisplayName: c.DisplayName, Description: c.Description, UsersOnly: users})
	return result{done: fmt.Sprintf("%s has the app role %s", a.Name, c.Value), clientID: a.ClientID}, nil
}

type roleValue struct {
	reference
	Value string `json:"value"`
}

// removeRole takes a role away that nobody has any more.
func removeRole(t *Tenant, c roleValue) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if !remove(&a.Roles, func(r AppRole) bool { return r.Value == c.Value }) {
		return result{}, fault.New(fault.NotFound, "%s has no app role %q", a.Name, show(c.Value)).At("value")
	}
	return result{done: fmt.Sprintf("%s has the app role %s no longer", a.Name, c.Value), clientID: a.ClientID}, nil
}

// roleOf names an app role of another application.
type roleOf struct {
	reference
	API  string `json:"api"`
	Role string `json:"role"`
}

// assignment is the role that c names, if it exists.
func (t *Tenant) assignment(c roleOf) (Assignment, error) {
	api, err := t.application("api", c.API)
	if err != nil {
		return Assignment{}, err
	}
	if !api.role(c.Role) {
		return Assignment{}, fault.New(fault.NotFound, "%s has no app role %q", api.Name, show(c.Role)).At("role").
			Mend("add it with add-role; case counts")
	}
	return Assignment{api.Name, c.Role}, nil
}

// addPermission asks for a role, which is in no token before consent.
func addPermission(t *Tenant, c roleOf) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	role, err := t.assignment(c)
	if err != nil {
		return result{}, err
	}
	for _, p := range a.Permissions {
		if p.Application == role.Application && p.Role == role.Role {
			return result{}, fault.New(fault.Conflict, "%s asks for the role %s of %s already", a.Name, role.Role, role.Application)
		}
	}
	a.Permissions = append(a.Permissions, Permission{Application: role.Application, Role: role.Role})
	return result{done: fmt.Sprintf("%s asks for the role %s of %s; its tokens have it after grant-consent", a.Name, role.Role, role.Application), clientID: a.ClientID}, nil
}

func removePermission(t *Tenant, c roleOf) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	role, err := t.assignment(c)
	if err != nil {
		return result{}, err
	}
	if !remove(&a.Permissions, func(p Permission) bool { return p.Application == role.Application && p.Role == role.Role }) {
		return result{}, fault.New(fault.NotFound, "%s does not ask for the role %s of %s", a.Name, role.Role, role.Application)
	}
	return result{done: fmt.Sprintf("%s asks for the role %s of %s no longer", a.Name, role.Role, role.Application), clientID: a.ClientID}, nil
}

func grantConsent(t *Tenant, c reference) (result, error) {
	return consent(t, c, true, "an administrator consents to all that %s asks for")
}

func revokeConsent(t *Tenant, c reference) (result, error) {
	return consent(t, c, false, "the consent to what %s asks for is revoked")
}

func consent(t *Tenant, c reference, granted bool, done string) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if len(a.Permissions) == 0 {
		return result{}, fault.New(fault.Invalid, "%s asks for no permission", a.Name).Mend("add one with add-permission")
	}
	for i := range a.Permissions {
		a.Permissions[i].Consent = granted
	}
	return result{done: fmt.Sprintf(done, a.Name), clientID: a.ClientID}, nil
}

// assign gives a role to an application or a managed identity, without consent.
func assign(t *Tenant, c roleOf) (result, error) {
	who, role, err := t.assigned(c)
	if err != nil {
		return result{}, err
	}
	if slices.Contains(*who.roles, role) {
		return result{}, fault.New(fault.Conflict, "%s has the role %s of %s already", who.name, role.Role, role.Application)
	}
	*who.roles = append(*who.roles, role)
	return result{done: fmt.Sprintf("%s has the role %s of %s", who.name, role.Role, role.Application), clientID: who.clientID}, nil
}

func unassign(t *Tenant, c roleOf) (result, error) {
	who, role, err := t.assigned(c)
	if err != nil {
		return result{}, err
	}
	if !remove(who.roles, func(one Assignment) bool { return one == role }) {
		return result{}, fault.New(fault.NotFound, "%s was not assigned the role %s of %s", who.name, role.Role, role.Application)
	}
	return result{done: fmt.Sprintf("%s is assigned the role %s of %s no longer", who.name, role.Role, role.Application), clientID: who.clientID}, nil
}

func (t *Tenant) assigned(c roleOf) (assignee, Assignment, error) {
	who, err := t.assignee(c.ID)
	if err != nil {
		return assignee{}, Assignment{}, err
	}
	role, err := t.assignment(c)
	return who, role, err
}
