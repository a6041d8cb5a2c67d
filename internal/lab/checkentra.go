package lab

import (
	"slices"
	"strings"
)

// entra checks what Entra ID would not have let anybody register.
func (c *checker) entra() {
	e := &c.Entra
	if e.Tenant != "random" && !uuid.MatchString(e.Tenant) {
		c.fail(&e.Tenant, "%q is no tenant id, expected a UUID or the word random", e.Tenant)
	}
	names, ids, uris := map[string]string{}, map[string]string{}, map[string]string{}
	for i := range e.Applications {
		a := &e.Applications[i]
		c.named(names, &a.Name)
		c.id(ids, &a.ClientID, "client id")
		c.application(a, uris)
	}
	names = map[string]string{}
	system := ""
	for i := range e.ManagedIdentities {
		m := &e.ManagedIdentities[i]
		c.named(names, &m.Name)
		c.id(ids, &m.ClientID, "client id")
		c.id(ids, &m.ObjectID, "object id")
		if m.System && system != "" {
			c.fail(&m.System, "a machine has one system-assigned identity, the first is at %s", system)
		}
		if m.System {
			system = c.doc.Where(&m.System)
		}
		for j := range m.Assignments {
			c.role(&m.Assignments[j].Application, &m.Assignments[j].Role)
		}
	}
}

func (c *checker) application(a *Application, uris map[string]string) {
	version := a.AccessTokenVersion
	if c.doc.Has(&a.AccessTokenVersion) && version != 1 && version != 2 {
		c.fail(&a.AccessTokenVersion, "access token version %d, expected 1 or 2", version)
	}
	if len(a.AppIDURIs) == 0 { // it gets this one
		c.unique(uris, "api://"+strings.ToLower(a.ClientID), &a.ClientID, "App ID URI")
	}
	for i := range a.AppIDURIs {
		uri := &a.AppIDURIs[i]
		if !c.word(uri) {
			continue
		}
		c.unique(uris, *uri, uri, "App ID URI")
		if uuid.MatchString(*uri) {
			c.fail(uri, "the App ID URI %q is a bare UUID, expected a URI such as api://%s", *uri, *uri)
		} else if !strings.Contains(*uri, "://") && version != 2 {
			c.fail(uri, "the App ID URI %q has no scheme, which needs access_token_version: 2", *uri)
		}
	}
	roles := map[string]string{}
	for i := range a.Roles {
		if c.word(&a.Roles[i]) {
			c.unique(roles, a.Roles[i], &a.Roles[i], "role")
		}
	}
	secrets := map[string]string{}
	for i := range a.Secrets {
		if c.text(&a.Secrets[i].ID) {
			c.unique(secrets, a.Secrets[i].ID, &a.Secrets[i].ID, "secret's id")
		}
		c.text(&a.Secrets[i].Value)
	}
	for i := range a.Permissions {
		c.role(&a.Permissions[i].Application, &a.Permissions[i].Role)
	}
}

func (c *checker) named(names map[string]string, name *string) {
	if c.text(name) {
		c.unique(names, *name, name, "name")
	}
}

func (c *checker) id(ids map[string]string, id *string, what string) {
	if !uuid.MatchString(*id) {
		c.fail(id, "the %s %q is no UUID", what, *id)
		return
	}
	c.unique(ids, strings.ToLower(*id), id, what)
}

// role finds the application and the app role that a permission or an
// assignment names.
func (c *checker) role(application, role *string) {
	a := c.Application(*application)
	if a == nil {
		c.fail(application, "there is no application named %q under entra.applications", *application)
	} else if !slices.Contains(a.Roles, *role) {
		c.fail(role, "application %q does not define the role %q", *application, *role)
	}
}
