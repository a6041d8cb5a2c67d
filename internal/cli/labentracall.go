package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/app"
)

// showEntra tells what the emulator of Entra ID answers.
func showEntra(t *table, a app.EntraAnswer) {
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "  %-28s %s\n", name, value)
		}
	}
	t.line(a.Done)
	if a.App != nil {
		rowsOfApp(row, *a.App)
	}
	if a.Secret != nil {
		row("keyId", a.Secret.KeyID)
		row("secretText", a.Secret.Text)
		row("endDateTime", day(a.Secret.Ends))
	}
	for _, one := range a.Apps {
		t.line(one.DisplayName)
		rowsOfApp(row, one)
	}
	if a.Identity != nil {
		a.Identities = append(a.Identities, *a.Identity)
	}
	for _, one := range a.Identities {
		t.line(one.DisplayName + " (managed identity)")
		row("appId", one.AppID)
		row("id", one.ID)
		for _, c := range one.Federated {
			row("federatedIdentityCredential", c.Name+" "+c.Issuer+" "+c.Subject+" "+strings.Join(c.Audiences, " "))
		}
		for _, p := range one.Assignments {
			row("appRoleAssignment", p.API+" "+p.Role)
		}
	}
	if a.Group != nil {
		a.Groups = append(a.Groups, *a.Group)
	}
	for _, one := range a.Groups {
		t.line(one.DisplayName + " (group)")
		row("id", one.ID)
		row("securityEnabled", map[bool]string{false: "false"}[one.SecurityEnabled])
		row("members", strings.Join(one.Members, ", "))
	}
	row("tenantId", a.Tenant)
	row("tokenEndpoint", a.TokenEndpoint)
	row("openidConfiguration", a.Discovery)
}

// day is when something ends; empty when it does not.
func day(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// rowsOfApp leaves out what is as it is when nothing was set.
func rowsOfApp(row func(name, value string), a app.EntraApp) {
	version := "null (tokens of version 1)"
	if a.RequestedAccessTokenVersion != nil {
		version = strconv.Itoa(*a.RequestedAccessTokenVersion)
	}
	row("appId", a.AppID)
	row("id", a.ID)
	row("identifierUris", strings.Join(a.IdentifierURIs, " "))
	row("requestedAccessTokenVersion", version)
	row("groupMembershipClaims", a.GroupMembershipClaims)
	row("appRoleAssignmentRequired", map[bool]string{true: "true"}[a.AssignmentRequired])
	row("accountEnabled", map[bool]string{false: "false"}[a.Enabled])
	for _, r := range a.Roles {
		row("appRole", r.Value+" ("+r.MemberTypes+")")
	}
	for _, k := range a.Secrets {
		row("passwordCredential", strings.TrimSpace(k.KeyID+" "+day(k.Ends)))
	}
	for _, k := range a.Certificates {
		row("keyCredential", k.KeyID+" "+day(k.Ends)+" x5t#S256 "+k.Thumbprint)
	}
	for _, c := range a.Federated {
		row("federatedIdentityCredential", c.Name+" "+c.Issuer+" "+c.Subject+" "+strings.Join(c.Audiences, " "))
	}
	for _, p := range a.Permissions {
		row("permission", p.API+" "+p.Role+map[bool]string{false: " (no consent yet)"}[p.Granted])
	}
	for _, p := range a.Assignments {
		row("appRoleAssignment", p.API+" "+p.Role)
	}
}
