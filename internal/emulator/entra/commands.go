package entra

import (
	"slices"
	"strings"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// result is what a command did.
type result struct {
	done     string // a sentence
	clientID string // of whom
	group    string // object id of which
	secret   *NewSecret
	created  bool // an application, which the endpoints are shown with
}

// commands change a tenant by the JSON of a request.
var commands = map[string]func(*Tenant, []byte) (result, error){
	"create":                      by(createApp),
	"delete":                      by(deleteApp),
	"set":                         by(setApp),
	"add-role":                    by(addRole),
	"remove-role":                 by(removeRole),
	"add-secret":                  by(addSecret),
	"remove-secret":               by(removeSecret),
	"add-certificate":             by(addCertificate),
	"remove-certificate":          by(removeCertificate),
	"add-federated-credential":    by(addFederated),
	"remove-federated-credential": by(removeFederated),
	"add-permission":              by(addPermission),
	"remove-permission":           by(removePermission),
	"grant-consent":               by(grantConsent),
	"revoke-consent":              by(revokeConsent),
	"assign":                      by(assign),
	"unassign":                    by(unassign),
}

func by[T any](change func(*Tenant, T) (result, error)) func(*Tenant, []byte) (result, error) {
	return func(t *Tenant, raw []byte) (result, error) {
		var command T
		if err := httpd.ParseCommand(raw, &command); err != nil {
			return result{}, err
		}
		return change(t, command)
	}
}

// reference names an application.
type reference struct {
	ID string `json:"id"`
}

// assignee is an application or a managed identity.
type assignee struct {
	name, clientID string
	roles          *[]Assignment
	federated      *[]FederatedCredential
}

// assignee finds one by its name, client id or object id.
func (t *Tenant) assignee(id string) (assignee, error) {
	for i := range t.ManagedIdentities {
		if m := &t.ManagedIdentities[i]; id != "" && (m.Name == id || strings.EqualFold(m.ClientID, id) || strings.EqualFold(m.ObjectID, id)) {
			return assignee{m.Name, m.ClientID, &m.Assignments, &m.FederatedCredentials}, nil
		}
	}
	a, err := t.application("id", id)
	if err != nil {
		return assignee{}, err
	}
	return assignee{a.Name, a.ClientID, &a.Assignments, &a.FederatedCredentials}, nil
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
