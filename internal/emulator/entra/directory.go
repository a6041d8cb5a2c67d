package entra

import (
	"time"

	"github.com/klammhq/klamm/internal/secret"
)

// Tenant is a directory.
type Tenant struct {
	ID                string // a UUID, or "random" for a new one
	Domain            string // optional; stands for the id in URLs
	Applications      []Application
	ManagedIdentities []ManagedIdentity
	Groups            []Group
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
	// Certificates and FederatedCredentials verify client assertions.
	Certificates         []Certificate
	FederatedCredentials []FederatedCredential
	// AccessTokenVersion is that of tokens for this application as a resource
	// (requestedAccessTokenVersion in the manifest): 1, 2, or 0 for 1.
	AccessTokenVersion int
	// GroupMembershipClaims are the groups in tokens for this application as a
	// resource: SecurityGroup, All, or None, which is that of "" too.
	GroupMembershipClaims string
	AssignmentRequired    bool // of those who ask for tokens for this application
	Disabled              bool // nobody signs in as it
	Public                bool // a public client, which has no credentials
	NoServicePrincipal    bool
	Permissions           []Permission
	Assignments           []Assignment
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
	Ends  time.Time // zero for never
}

// Certificate is one with whose key an application signs client assertions.
type Certificate struct {
	ID  string // names it; chosen when empty
	PEM string // one certificate with an RSA key, and no private key
}

// FederatedCredential trusts an issuer to say who a client is: its tokens with
// exactly this issuer, subject and audience are client assertions.
type FederatedCredential struct {
	Name     string
	Issuer   string // its discovery document is below it
	Subject  string
	Audience string // [ExchangeAudience] when empty
}

// ExchangeAudience is the audience that federated credentials have by default.
const ExchangeAudience = "api://AzureADTokenExchange"

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
	// FederatedCredentials are of user-assigned identities only.
	FederatedCredentials []FederatedCredential
}

// Group is a group of applications and managed identities.
type Group struct {
	Name        string
	ObjectID    string   // chosen when empty; tokens have it in groups
	NotSecurity bool     // as of Microsoft 365: not in tokens for SecurityGroup
	Members     []string // names of applications and managed identities
}
