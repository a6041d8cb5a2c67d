package entra

import "github.com/klammhq/klamm/internal/secret"

// Tenant is a directory.
type Tenant struct {
	ID                string // a UUID, or "random" for a new one
	Domain            string // optional; stands for the id in URLs
	Applications      []Application
	ManagedIdentities []ManagedIdentity
}

// Application is an app registration and, unless NoServicePrincipal, the
// service principal of it in the tenant.
type Application struct {
	Name      string
	ClientID  string   // UUID
	ObjectID  string   // of the service principal; chosen when empty
	AppIDURIs []string // when empty "api://<client id>", as the portal proposes
	Roles     []AppRole
	Secrets   []Secret
	// AccessTokenVersion is that of tokens for this application as a resource
	// (requestedAccessTokenVersion in the manifest): 1, 2, or 0 for 1.
	AccessTokenVersion int
	AssignmentRequired bool // of those who ask for tokens for this application
	Disabled           bool // nobody signs in as it
	Public             bool // a public client, which has no credentials
	NoServicePrincipal bool
	Permissions        []Permission
	Assignments        []Assignment
}

// AppRole is a role that applications may be given. One that is disabled, or
// for users only, is in no token here.
type AppRole struct {
	Value       string
	DisplayName string // of the portal; in no token
	Description string // likewise
	Disabled    bool
	UsersOnly   bool
}

// Secret is a client secret. Clients send the value; the id only names it.
type Secret struct {
	ID    string
	Value secret.String
}

// Permission is an application permission. It is in tokens once an
// administrator has consented.
type Permission struct {
	Application string // name of the resource
	Role        string
	Consent     bool
}

// Assignment gives an app role directly.
type Assignment struct {
	Application string // name of the resource
	Role        string
}

// ManagedIdentity is a service principal whose credentials Azure keeps.
type ManagedIdentity struct {
	Name        string
	System      bool // system-assigned; else user-assigned
	ClientID    string
	ObjectID    string // chosen when empty
	ResourceID  string // "/subscriptions/…", for the metadata service; one with Name when empty
	Disabled    bool
	Assignments []Assignment
}
