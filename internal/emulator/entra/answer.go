package entra

// Answer is what the administrator's calls say. Names are those of Microsoft
// Graph where it has them.
type Answer struct {
	Done          string     `json:"done,omitempty"` // a sentence
	Tenant        string     `json:"tenantId"`
	TokenEndpoint string     `json:"tokenEndpoint,omitempty"` // this and the next of create and list
	Discovery     string     `json:"openidConfiguration,omitempty"`
	App           *App       `json:"app,omitempty"` // as it is now
	Secret        *NewSecret `json:"secret,omitempty"`
	Apps          []App      `json:"apps,omitempty"`
}

// NewSecret is a client secret, whose text is shown this once.
type NewSecret struct {
	KeyID string `json:"keyId"`
	Text  string `json:"secretText"`
}

// App is an application as the administrator sees it.
type App struct {
	DisplayName                 string         `json:"displayName"`
	AppID                       string         `json:"appId"` // the client id
	ID                          string         `json:"id"`    // the service principal's object id, tokens have it as oid
	IdentifierURIs              []string       `json:"identifierUris"`
	RequestedAccessTokenVersion *int           `json:"requestedAccessTokenVersion"` // null counts as 1
	AssignmentRequired          bool           `json:"appRoleAssignmentRequired"`
	Enabled                     bool           `json:"accountEnabled"`
	Roles                       []Role         `json:"appRoles"`
	Secrets                     []string       `json:"keyIds"`
	Permissions                 []ResourceRole `json:"permissions"`
	Assignments                 []ResourceRole `json:"appRoleAssignments"`
}

// Role is an app role of an application.
type Role struct {
	Value       string `json:"value"`
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	MemberTypes string `json:"allowedMemberTypes"` // Application or User
	Enabled     bool   `json:"isEnabled"`
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

func view(a Application) App {
	v := App{
		DisplayName: a.Name, AppID: a.ClientID, ID: a.ObjectID, IdentifierURIs: a.AppIDURIs,
		AssignmentRequired: a.AssignmentRequired, Enabled: !a.Disabled,
		Roles: []Role{}, Secrets: []string{}, Permissions: []ResourceRole{}, Assignments: []ResourceRole{},
	}
	if a.AccessTokenVersion != 0 {
		v.RequestedAccessTokenVersion = &a.AccessTokenVersion
	}
	for _, r := range a.Roles {
		v.Roles = append(v.Roles, Role{r.Value, r.DisplayName, r.Description, memberTypes[r.UsersOnly], !r.Disabled})
	}
	for _, s := range a.Secrets {
		v.Secrets = append(v.Secrets, s.ID)
	}
	for _, p := range a.Permissions {
		v.Permissions = append(v.Permissions, ResourceRole{p.Application, p.Role, p.Consent})
	}
	for _, one := range a.Assignments {
		v.Assignments = append(v.Assignments, ResourceRole{one.Application, one.Role, true})
	}
	return v
}
