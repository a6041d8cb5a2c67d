package app

import (
	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/lab"
	"github.com/klammhq/klamm/internal/secret"
)

// tenant is the world's tenant as the emulator of Entra ID takes it.
func tenant(w *lab.World) entra.Tenant {
	t := entra.Tenant{ID: w.Entra.Tenant}
	for _, a := range w.Entra.Applications {
		app := entra.Application{
			Name: a.Name, ClientID: a.ClientID, AppIDURIs: a.AppIDURIs, AccessTokenVersion: a.AccessTokenVersion,
			AssignmentRequired: a.AssignmentRequired,
		}
		for _, role := range a.Roles {
			app.Roles = append(app.Roles, entra.AppRole{Value: role})
		}
		for _, s := range a.Secrets {
			app.Secrets = append(app.Secrets, entra.Secret{ID: s.ID, Value: secret.New(s.Value)})
		}
		for _, p := range a.Permissions {
			app.Permissions = append(app.Permissions, entra.Permission{Application: p.Application, Role: p.Role, Consent: p.Consent})
		}
		t.Applications = append(t.Applications, app)
	}
	for _, m := range w.Entra.ManagedIdentities {
		identity := entra.ManagedIdentity{Name: m.Name, System: m.System, ClientID: m.ClientID, ObjectID: m.ObjectID}
		for _, a := range m.Assignments {
			identity.Assignments = append(identity.Assignments, entra.Assignment{Application: a.Application, Role: a.Role})
		}
		t.ManagedIdentities = append(t.ManagedIdentities, identity)
	}
	return t
}

// servers are all that speak OpenID Connect, Okta's shape first.
func servers(w *lab.World) []lab.OIDC {
	okta := lab.OIDC{Name: "okta", Shape: string(oidc.Okta), Server: w.Okta.Server, Audience: w.Okta.Audience, Scopes: w.Okta.Scopes}
	for _, c := range w.Okta.Clients {
		okta.Clients = append(okta.Clients, lab.OIDCClient{ClientID: c.ClientID, Secret: c.Secret})
	}
	return append([]lab.OIDC{okta}, w.OIDC...)
}
