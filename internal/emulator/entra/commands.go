package entra

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/secret"
)

// result is what a command did.
type result struct {
	done     string // a sentence
	clientID string // of whom
	secret   *NewSecret
}

// commands change a tenant by the JSON of a request.
var commands = map[string]func(*Tenant, []byte) (result, error){
	"create":         by(createApp),
	"set":            by(setApp),
	"add-role":       by(addRole),
	"add-secret":     by(addSecret),
	"add-permission": by(addPermission),
	"grant-consent":  by(grantConsent),
	"assign":         by(assign),
}

func by[T any](change func(*Tenant, T) (result, error)) func(*Tenant, []byte) (result, error) {
	return func(t *Tenant, raw []byte) (result, error) {
		var command T
		if err := decode(raw, &command); err != nil {
			return result{}, err
		}
		return change(t, command)
	}
}

// reference names an application.
type reference struct {
	ID string `json:"id"`
}

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
	return result{done: fmt.Sprintf("%s is registered, with a service principal", a.Name), clientID: a.ClientID}, nil
}

type settings struct {
	reference
	IdentifierURIs              []string `json:"identifierUris"`
	RequestedAccessTokenVersion *int     `json:"requestedAccessTokenVersion"`
	AssignmentRequired          *bool    `json:"appRoleAssignmentRequired"`
	Enabled                     *bool    `json:"accountEnabled"`
}

func setApp(t *Tenant, c settings) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if c.IdentifierURIs == nil && c.RequestedAccessTokenVersion == nil && c.AssignmentRequired == nil && c.Enabled == nil {
		return result{}, fault.New(fault.Invalid,
			"nothing is set, expected identifierUris, requestedAccessTokenVersion, appRoleAssignmentRequired or accountEnabled")
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

func addSecret(t *Tenant, c reference) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if a.Public {
		return result{}, fault.New(fault.Invalid, "%s is a public client, which has no secret", a.Name)
	}
	made := NewSecret{KeyID: newUUID(), Text: "kL8Q~" + opaque(26)} // 40 characters and a tilde, as at Microsoft
	a.Secrets = append(a.Secrets, Secret{ID: made.KeyID, Value: secret.New(made.Text)})
	return result{done: a.Name + " has a new secret, shown this once; clients send its text, not its keyId", clientID: a.ClientID, secret: &made}, nil
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

func grantConsent(t *Tenant, c reference) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if len(a.Permissions) == 0 {
		return result{}, fault.New(fault.Invalid, "%s asks for no permission", a.Name).Mend("add one with add-permission")
	}
	for i := range a.Permissions {
		a.Permissions[i].Consent = true
	}
	return result{done: "an administrator consents to all that " + a.Name + " asks for", clientID: a.ClientID}, nil
}

// assign gives a role to an application or a managed identity, without consent.
func assign(t *Tenant, c roleOf) (result, error) {
	name, clientID, roles, err := t.assignee(c.ID)
	if err != nil {
		return result{}, err
	}
	role, err := t.assignment(c)
	if err != nil {
		return result{}, err
	}
	if slices.Contains(*roles, role) {
		return result{}, fault.New(fault.Conflict, "%s has the role %s of %s already", name, role.Role, role.Application)
	}
	*roles = append(*roles, role)
	return result{done: fmt.Sprintf("%s has the role %s of %s", name, role.Role, role.Application), clientID: clientID}, nil
}

// assignee finds whom a role is given.
func (t *Tenant) assignee(id string) (name, clientID string, roles *[]Assignment, err error) {
	for i := range t.ManagedIdentities {
		if m := &t.ManagedIdentities[i]; id != "" && (m.Name == id || strings.EqualFold(m.ClientID, id) || strings.EqualFold(m.ObjectID, id)) {
			return m.Name, m.ClientID, &m.Assignments, nil
		}
	}
	a, err := t.application("id", id)
	if err != nil {
		return "", "", nil, err
	}
	return a.Name, a.ClientID, &a.Assignments, nil
}

// application finds one by its display name, client id, object id or App ID URI.
func (t *Tenant) application(where, id string) (*Application, error) {
	for i := range t.Applications {
		a := &t.Applications[i]
		if a.Name == id || strings.EqualFold(a.ClientID, id) || strings.EqualFold(a.ObjectID, id) || slices.Contains(a.AppIDURIs, id) {
			return a, nil
		}
	}
	return nil, fault.New(fault.NotFound, "there is no application %q, expected a display name, app id, object id or identifier URI", show(id)).At(where)
}

func (a *Application) role(value string) bool {
	return slices.ContainsFunc(a.Roles, func(r AppRole) bool { return r.Value == value })
}

// plain refuses what a terminal or a token would show as something else.
func plain(where, text string, spaces bool) error {
	bad := func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' && !spaces }
	if text == "" || len(text) > 255 || strings.ContainsFunc(text, bad) {
		return fault.New(fault.Invalid, "%q, expected up to 255 printable characters%s", show(text), map[bool]string{false: " without spaces"}[spaces]).At(where)
	}
	return nil
}

// rotations are the steps of a rotation of the signing key, all tenants'.
var rotations = map[string]struct {
	done  string
	steps []func(*Entra) error
}{
	"":        {"a new key is published and signs; the old one still verifies until the step remove", []func(*Entra) error{publishNew, (*Entra).SignWithNewKey}},
	"publish": {"a new key is published and signs nothing yet", []func(*Entra) error{publishNew}},
	"sign":    {"the key published last signs", []func(*Entra) error{(*Entra).SignWithNewKey}},
	"remove":  {"the key that signed before is published no more", []func(*Entra) error{(*Entra).RemoveOldKey}},
}

func publishNew(e *Entra) error { return e.PublishKey(nil) }

func (e *Entra) rotateKeys(w http.ResponseWriter, raw []byte) error {
	var c struct {
		Step string `json:"step"`
	}
	if err := decode(raw, &c); err != nil {
		return err
	}
	rotation, ok := rotations[c.Step]
	if !ok {
		return fault.New(fault.Invalid, "there is no step %q, expected publish, sign or remove, or none for the first two", show(c.Step)).At("step")
	}
	for _, step := range rotation.steps {
		if err := step(e); err != nil {
			return err
		}
	}
	return httpd.WriteJSON(w, http.StatusOK, Answer{Done: rotation.done, Tenant: e.first().current.Load().id})
}
