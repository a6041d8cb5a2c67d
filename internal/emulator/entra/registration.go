package entra

import (
	"fmt"

	"github.com/klammhq/klamm/internal/fault"
)

type newApp struct {
	DisplayName                 string   `json:"displayName"`
	IdentifierURIs              []string `json:"identifierUris"`
	RequestedAccessTokenVersion *int     `json:"requestedAccessTokenVersion"`
}

// createApp registers an application as the portal does: tokens for it are of
// version 1 until its manifest says otherwise.
func createApp(t *Tenant, c newApp) (result, error) {
	a := Application{Name: c.DisplayName, ClientID: newUUID()}
	if err := plain("displayName", c.DisplayName, true); err != nil {
		return result{}, err
	}
	if err := setManifest(&a, c.IdentifierURIs, c.RequestedAccessTokenVersion); err != nil {
		return result{}, err
	}
	t.Applications = append(t.Applications, a)
	return result{done: fmt.Sprintf("%s is registered, with a service principal", a.Name), clientID: a.ClientID, created: true}, nil
}

// deleteApp takes away with an application what others had of it.
func deleteApp(t *Tenant, c reference) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	name := a.Name
	at := func(one Assignment) bool { return one.Application == name }
	for i := range t.Applications {
		other := &t.Applications[i]
		remove(&other.Permissions, func(p Permission) bool { return p.Application == name })
		remove(&other.Assignments, at)
	}
	for i := range t.ManagedIdentities {
		remove(&t.ManagedIdentities[i].Assignments, at)
	}
	for i := range t.Groups {
		remove(&t.Groups[i].Members, func(member string) bool { return member == name })
	}
	remove(&t.Applications, func(one Application) bool { return one.Name == name })
	return result{done: name + " is deleted, with what others had of it"}, nil
}

type settings struct {
	reference
	IdentifierURIs              []string `json:"identifierUris"`
	RequestedAccessTokenVersion *int     `json:"requestedAccessTokenVersion"`
	AssignmentRequired          *bool    `json:"appRoleAssignmentRequired"`
	Enabled                     *bool    `json:"accountEnabled"`
	GroupMembershipClaims       *string  `json:"groupMembershipClaims"`
}

func setApp(t *Tenant, c settings) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if c.IdentifierURIs == nil && c.RequestedAccessTokenVersion == nil && c.AssignmentRequired == nil && c.Enabled == nil && c.GroupMembershipClaims == nil {
		return result{}, fault.New(fault.Invalid,
			"nothing is set, expected identifierUris, requestedAccessTokenVersion, groupMembershipClaims, appRoleAssignmentRequired or accountEnabled")
	}
	if err := setManifest(a, c.IdentifierURIs, c.RequestedAccessTokenVersion); err != nil {
		return result{}, err
	}
	if c.AssignmentRequired != nil {
		a.AssignmentRequired = *c.AssignmentRequired
	}
	if c.Enabled != nil {
		a.Disabled = !*c.Enabled
	}
	if c.GroupMembershipClaims != nil {
		if err := checkGroupClaims(*c.GroupMembershipClaims); err != nil {
			return result{}, err
		}
		a.GroupMembershipClaims = *c.GroupMembershipClaims
	}
	return result{done: a.Name + " is set; tokens from now on follow it", clientID: a.ClientID}, nil
}

// setManifest sets what is not nil.
func setManifest(a *Application, uris []string, version *int) error {
	for _, uri := range uris {
		if err := plain("identifierUris", uri, false); err != nil {
			return err
		}
	}
	if uris != nil {
		a.AppIDURIs = uris
	}
	if version == nil {
		return nil
	}
	if *version != 1 && *version != 2 {
		return fault.New(fault.Invalid, "the version is %d, expected 1 or 2", *version).At("requestedAccessTokenVersion")
	}
	a.AccessTokenVersion = *version
	return nil
}
