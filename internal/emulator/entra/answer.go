package entra

import "time"

// Answer is what the administrator's calls say. Names are those of Microsoft
// Graph where it has them.
type Answer struct {
	Done          string      `json:"done,omitempty"` // a sentence
	Tenant        string      `json:"tenantId"`
	TokenEndpoint string      `json:"tokenEndpoint,omitempty"` // this and the next of create and list
	Discovery     string      `json:"openidConfiguration,omitempty"`
	App           *App        `json:"app,omitempty"` // this and the next two as they are now
	Identity      *Identity   `json:"managedIdentity,omitempty"`
	Group         *GroupView  `json:"group,omitempty"`
	Secret        *NewSecret  `json:"secret,omitempty"`
	Apps          []App       `json:"apps,omitempty"`
	Identities    []Identity  `json:"managedIdentities,omitempty"`
	Groups        []GroupView `json:"groups,omitempty"`
}

// NewSecret is a client secret, whose text is shown this once.
type NewSecret struct {
	KeyID string     `json:"keyId"`
	Text  string     `json:"secretText"`
	Ends  *time.Time `json:"endDateTime,omitempty"`
}

// App is an application as the administrator sees it.
type App struct {
	DisplayName                 string         `json:"displayName"`
	AppID                       string         `json:"appId"` // the client id
	ID                          string         `json:"id"`    // the service principal's object id, tokens have it as oid
	IdentifierURIs              []string       `json:"identifierUris"`
	RequestedAccessTokenVersion *int           `json:"requestedAccessTokenVersion"` // null counts as 1
	GroupMembershipClaims       string         `json:"groupMembershipClaims,omitempty"`
	AssignmentRequired          bool           `json:"appRoleAssignmentRequired"`
	Enabled                     bool           `json:"accountEnabled"`
	Roles                       []Role         `json:"appRoles"`
	Secrets                     []Key          `json:"passwordCredentials"`
	Certificates                []Key          `json:"keyCredentials"`
	Federated                   []Federated    `json:"federatedIdentityCredentials"`
	Permissions                 []ResourceRole `json:"permissions"`
	Assignments                 []ResourceRole `json:"appRoleAssignments"`
}

// Identity is a managed identity as the administrator sees it.
type Identity struct {
	DisplayName string         `json:"displayName"`
	AppID       string         `json:"appId"`
	ID          string         `json:"id"`
	Federated   []Federated    `json:"federatedIdentityCredentials"`
	Assignments []ResourceRole `json:"appRoleAssignments"`
}

// GroupView is a group as the administrator sees it.
type GroupView struct {
	DisplayName     string   `json:"displayName"`
	ID              string   `json:"id"` // tokens have it in groups
	SecurityEnabled bool     `json:"securityEnabled"`
	Members         []string `json:"members"` // display names
}

// Role is an app role of an application.
type Role struct {
	Value       string `json:"value"`
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	MemberTypes string `json:"allowedMemberTypes"` // Application or User
	Enabled     bool   `json:"isEnabled"`
}

// Key is a secret or certificate of an application, without the secret.
type Key struct {
	KeyID      string     `json:"keyId"`
	Thumbprint string     `json:"x5t#S256,omitempty"` // of a certificate
	Ends       *time.Time `json:"endDateTime,omitempty"`
}

// Federated is a federated credential.
type Federated struct {
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"` // always one
}

// ResourceRole is a role at another application.
type ResourceRole struct {
	API     string `json:"api"` // its display name
	Role    string `json:"role"`
	Granted bool   `json:"granted"` // false without an administrator's consent
}

// endpoints is an answer with what the portal shows under this name.
func (e *Entra) endpoints(t *tenant) Answer {
	return Answer{Tenant: t.id, TokenEndpoint: e.TokenURL(t.id), Discovery: e.baseURL() + "/" + t.id + "/v2.0/.well-known/openid-configuration"}
}

// memberTypes are names of Azure; true is of roles for users only.
var memberTypes = map[bool]string{false: "Application", true: "User"}

func (t *tenant) view(a Application) App {
	v := App{
		DisplayName: a.Name, AppID: a.ClientID, ID: a.ObjectID, IdentifierURIs: a.AppIDURIs,
		AssignmentRequired: a.AssignmentRequired, Enabled: !a.Disabled, GroupMembershipClaims: a.GroupMembershipClaims,
		Roles: []Role{}, Secrets: []Key{}, Certificates: []Key{}, Permissions: []ResourceRole{},
		Federated: viewFederated(a.FederatedCredentials), Assignments: viewAssignments(a.Assignments),
	}
	if a.AccessTokenVersion != 0 {
		v.RequestedAccessTokenVersion = &a.AccessTokenVersion
	}
	for _, r := range a.Roles {
		v.Roles = append(v.Roles, Role{r.Value, r.DisplayName, r.Description, memberTypes[r.UsersOnly], !r.Disabled})
	}
	for _, s := range a.Secrets {
		one := Key{KeyID: s.ID}
		if !s.Ends.IsZero() {
			one.Ends = &s.Ends
		}
		v.Secrets = append(v.Secrets, one)
	}
	for _, c := range t.principals[a.ClientID].certificates {
		v.Certificates = append(v.Certificates, Key{c.id, c.x5tS256, &c.ends})
	}
	for _, p := range a.Permissions {
		v.Permissions = append(v.Permissions, ResourceRole{p.Application, p.Role, p.Consent})
	}
	return v
}

func viewIdentity(m ManagedIdentity) Identity {
	return Identity{m.Name, m.ClientID, m.ObjectID, viewFederated(m.FederatedCredentials), viewAssignments(m.Assignments)}
}

func viewGroup(g Group) GroupView {
	return GroupView{g.Name, g.ObjectID, !g.NotSecurity, append([]string{}, g.Members...)}
}

func viewFederated(list []FederatedCredential) []Federated {
	views := []Federated{}
	for _, c := range list {
		views = append(views, Federated{c.Name, c.Issuer, c.Subject, []string{c.Audience}})
	}
	return views
}

func viewAssignments(list []Assignment) []ResourceRole {
	views := []ResourceRole{}
	for _, one := range list {
		views = append(views, ResourceRole{one.Application, one.Role, true})
	}
	return views
}
