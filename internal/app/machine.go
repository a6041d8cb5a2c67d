package app

import (
	"errors"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/imds"
)

// machine is the lab's machine with all managed identities of the tenant.
type machine struct {
	directory *entra.Entra
	tenant    string
}

func (m machine) Identities() []imds.Identity {
	var out []imds.Identity
	for _, i := range m.directory.ManagedIdentities(m.tenant) {
		out = append(out, imds.Identity{Name: i.Name, ClientID: i.ClientID, ObjectID: i.ObjectID, ResourceID: i.ResourceID, System: i.System})
	}
	return out
}

func (m machine) Token(i imds.Identity, resource string) (imds.Grant, error) {
	t, err := m.directory.ManagedIdentityToken(m.tenant, i.ClientID, resource)
	if refusal, ok := errors.AsType[*entra.Refusal](err); ok {
		return imds.Grant{}, imds.Refused{Code: refusal.Code, Text: refusal.Text}
	}
	if err != nil {
		return imds.Grant{}, err
	}
	return imds.Grant{AccessToken: t.Token, Expires: t.Expires, NotBefore: t.NotBefore}, nil
}
