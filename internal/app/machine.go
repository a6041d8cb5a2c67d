package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

// machine is the lab's machine. At first it has all managed identities of the
// tenant.
type machine struct {
	directory *entra.Entra
	tenant    string

	mu   sync.Mutex
	away map[string]bool // client ids of the tenant's identities that it has not
}

// Identities implements imds.Issuer.
func (m *machine) Identities() []imds.Identity {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []imds.Identity
	for _, i := range m.directory.ManagedIdentities(m.tenant) {
		if !m.away[i.ClientID] {
			out = append(out, identityOf(i))
		}
	}
	return out
}

func identityOf(i entra.ManagedIdentity) imds.Identity {
	return imds.Identity{Name: i.Name, ClientID: i.ClientID, ObjectID: i.ObjectID, ResourceID: i.ResourceID, System: i.System}
}

// Token implements imds.Issuer.
func (m *machine) Token(i imds.Identity, resource string) (imds.Grant, error) {
	t, err := m.directory.ManagedIdentityToken(m.tenant, i.ClientID, resource)
	if refusal, ok := errors.AsType[*entra.Refusal](err); ok {
		return imds.Grant{}, imds.Refused{Code: refusal.Code, Text: refusal.Text}
	}
	if err != nil {
		return imds.Grant{}, err
	}
	version := ""
	if token, err := jwt.Parse(t.Token); err == nil {
		version = token.Text("ver")
	}
	return imds.Grant{AccessToken: t.Token, Version: version, Expires: t.Expires, NotBefore: t.NotBefore}, nil
}

// Assign implements imds.Machine, as `az vm identity assign` does: a
// system-assigned identity is made with it; a user-assigned one may exist.
func (m *machine) Assign(wanted imds.Identity) (imds.Identity, error) {
	if wanted.Name == "" || len(wanted.Name) > 128 || strings.ContainsFunc(wanted.Name, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return imds.Identity{}, fault.New(fault.Invalid, "%.128q, expected up to 128 printable characters without spaces", wanted.Name).At("name")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var got entra.ManagedIdentity
	err := m.directory.Update(m.tenant, func(t *entra.Tenant) error {
		i := slices.IndexFunc(t.ManagedIdentities, func(one entra.ManagedIdentity) bool {
			return one.Name == wanted.Name || wanted.System && one.System
		})
		if i >= 0 {
			got = t.ManagedIdentities[i]
			return m.assignable(got, wanted)
		}
		got = entra.ManagedIdentity{Name: wanted.Name, System: wanted.System, ClientID: wanted.ClientID}
		if got.ClientID == "" {
			got.ClientID = newUUID()
		}
		t.ManagedIdentities = append(t.ManagedIdentities, got)
		return nil
	})
	if err != nil {
		return imds.Identity{}, err
	}
	delete(m.away, strings.ToLower(got.ClientID))
	for _, one := range m.directory.ManagedIdentities(m.tenant) {
		if one.Name == got.Name {
			return identityOf(one), nil // with the ids that the directory chose
		}
	}
	return imds.Identity{}, fault.New(fault.Conflict, "the identity %s has gone meanwhile", got.Name)
}

// assignable reports whether an identity that the tenant has is the wanted one,
// and not assigned.
func (m *machine) assignable(has entra.ManagedIdentity, wanted imds.Identity) error {
	switch {
	case has.System && wanted.System:
		return fault.New(fault.Conflict, "the machine has a system-assigned identity already, %s", has.Name)
	case has.System != wanted.System:
		return fault.New(fault.Conflict, "%s is taken by an identity of the other kind", has.Name).At("name")
	case wanted.ClientID != "" && !strings.EqualFold(wanted.ClientID, has.ClientID):
		return fault.New(fault.Conflict, "%s exists with client id %s, expected that one or none", has.Name, has.ClientID).At("client_id")
	case !m.away[has.ClientID]:
		return fault.New(fault.Conflict, "%s is assigned already", has.Name)
	}
	return nil
}

// Unassign implements imds.Machine, as `az vm identity remove` does: a
// system-assigned identity ends with it; a user-assigned one stays in the
// tenant, with its roles.
func (m *machine) Unassign(name string) (imds.Identity, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var got entra.ManagedIdentity
	err := m.directory.Update(m.tenant, func(t *entra.Tenant) error {
		i := slices.IndexFunc(t.ManagedIdentities, func(one entra.ManagedIdentity) bool {
			return name != "" && !m.away[one.ClientID] && (one.Name == name || strings.EqualFold(one.ClientID, name) || strings.EqualFold(one.ResourceID, name))
		})
		if i < 0 {
			return fault.New(fault.NotFound, "the machine has no identity %.128q, expected a name, client id or resource id", name).At("name")
		}
		if got = t.ManagedIdentities[i]; got.System {
			t.ManagedIdentities = slices.Delete(t.ManagedIdentities, i, i+1)
		}
		return nil
	})
	if err != nil {
		return imds.Identity{}, err
	}
	if !got.System {
		m.away[got.ClientID] = true
	}
	return identityOf(got), nil
}

// newUUID is a random one (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
