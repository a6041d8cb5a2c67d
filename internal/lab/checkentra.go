package lab

import (
	"encoding/pem"
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
		if m.System && len(m.FederatedCredentials) > 0 {
			c.fail(&m.FederatedCredentials, "a system-assigned identity has no federated credentials, expected a user-assigned one")
		}
		c.federated(m.FederatedCredentials)
	}
	names = map[string]string{}
	for i := range e.Groups {
		g := &e.Groups[i]
		c.named(names, &g.Name)
		if c.doc.Has(&g.ObjectID) {
			c.id(ids, &g.ObjectID, "object id")
		}
		members := map[string]string{}
		for j := range g.Members {
			c.member(&g.Members[j])
			c.unique(members, g.Members[j], &g.Members[j], "member")
		}
	}
}

// member finds whom a group's member names.
func (c *checker) member(name *string) {
	found := 0
	if c.Application(*name) != nil {
		found++
	}
	for _, m := range c.Entra.ManagedIdentities {
		if m.Name == *name {
			found++
		}
	}
	switch found {
	case 0:
		c.fail(name, "there is no application and no managed identity named %q", *name)
	case 2:
		c.fail(name, "%q is an application and a managed identity, expected a name of one", *name)
	}
}

// federated checks what matching needs; what Entra ID wants of the texts the
// emulator knows.
func (c *checker) federated(list []FederatedCredential) {
	names, whom := map[string]string{}, map[string]string{}
	for i := range list {
		f := &list[i]
		c.named(names, &f.Name)
		if c.word(&f.Issuer) && !strings.Contains(f.Issuer, "://") {
			c.fail(&f.Issuer, "the issuer %q is no URL, expected https://HOST/PATH, or http on loopback", f.Issuer)
		}
		if c.text(&f.Subject) {
			c.unique(whom, f.Issuer+" "+f.Subject, &f.Subject, "issuer and subject")
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
	if c.doc.Has(&a.GroupMembershipClaims) && !slices.Contains([]string{"SecurityGroup", "All", "None"}, a.GroupMembershipClaims) {
		c.fail(&a.GroupMembershipClaims, "%q, expected SecurityGroup, All or None", a.GroupMembershipClaims)
	}
	for i := range a.Certificates {
		if block, _ := pem.Decode([]byte(a.Certificates[i])); block == nil || block.Type != "CERTIFICATE" {
			c.fail(&a.Certificates[i], "this does not begin with the PEM of a certificate")
		}
	}
	c.federated(a.FederatedCredentials)
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
