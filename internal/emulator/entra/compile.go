package entra

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// tenant is a Tenant in which every reference is resolved. It never changes.
type tenant struct {
	config     Tenant // with the ids that were chosen
	id, domain string
	apps       []*app
	identities []ManagedIdentity
	wanted     []Assignment          // of all, those without consent too
	principals map[string]*principal // by client id, lower case
	resources  map[string]*app       // by App ID URI and client id
}

// app is an application as a resource.
type app struct {
	Application
	version int
}

// principal is who asks for tokens.
type principal struct {
	name               string
	clientID, objectID string
	managed, disabled  bool
	app                *app // nil for a managed identity
	assigned           []Assignment
	certificates       []certificate
	federated          []FederatedCredential
	groups             []Group
}

func compile(config Tenant) (*tenant, error) {
	config = config.clone()
	t := &tenant{id: strings.ToLower(config.ID), domain: config.Domain, principals: map[string]*principal{}, resources: map[string]*app{}}
	if config.ID == "random" {
		t.id = newUUID()
	}
	if !isUUID(t.id) {
		return nil, fault.New(fault.Invalid, "%q is no tenant id, expected a UUID or the word random", config.ID).At("Tenant.ID")
	}
	if t.domain != "" && !strings.Contains(t.domain, ".") {
		return nil, fault.New(fault.Invalid, "%q is no domain, expected a dot in it", t.domain).At("Tenant.Domain")
	}
	config.ID = t.id
	for i := range config.Applications {
		if err := t.addApplication(&config.Applications[i]); err != nil {
			return nil, err
		}
	}
	for i := range config.ManagedIdentities {
		if err := t.addIdentity(&config.ManagedIdentities[i]); err != nil {
			return nil, err
		}
	}
	for _, a := range t.wanted {
		if err := t.checkAssignment(a); err != nil {
			return nil, err
		}
	}
	taken := map[string]bool{}
	for i := range config.Groups {
		if err := t.addGroup(&config.Groups[i], taken); err != nil {
			return nil, err
		}
	}
	t.config, t.identities = config, config.ManagedIdentities
	return t, nil
}

// addApplication enters a, in which it fills in what was left to it.
func (t *tenant) addApplication(a *Application) error {
	at := "application " + a.Name
	if a.Name == "" || slices.ContainsFunc(t.apps, func(other *app) bool { return other.Name == a.Name }) {
		return fault.New(fault.Invalid, "the name %q is empty or taken, and references need it", a.Name).At(at)
	}
	if a.AccessTokenVersion < 0 || a.AccessTokenVersion > 2 {
		return fault.New(fault.Invalid, "access token version %d, expected 1 or 2", a.AccessTokenVersion).At(at)
	}
	if len(a.AppIDURIs) == 0 {
		a.AppIDURIs = []string{"api://" + strings.ToLower(a.ClientID)}
	}
	if err := checkGroupClaims(a.GroupMembershipClaims); err != nil {
		return err
	}
	p := &principal{name: a.Name, clientID: a.ClientID, objectID: a.ObjectID, disabled: a.Disabled, assigned: slices.Clone(a.Assignments)}
	if err := p.addCredentials(a, at); err != nil {
		return err
	}
	for _, permission := range a.Permissions {
		granted := Assignment{permission.Application, permission.Role}
		t.wanted = append(t.wanted, granted)
		if permission.Consent {
			p.assigned = append(p.assigned, granted)
		}
	}
	if err := t.addPrincipal(p, at); err != nil {
		return err
	}
	a.ClientID, a.ObjectID = p.clientID, p.objectID
	one := &app{Application: *a, version: max(a.AccessTokenVersion, 1)}
	p.app = one
	for _, name := range append([]string{p.clientID}, a.AppIDURIs...) {
		if _, taken := t.resources[name]; taken || name == "" {
			return fault.New(fault.Invalid, "the App ID URI %q is empty or taken", name).At(at)
		}
		if !strings.Contains(name, "://") && name != p.clientID && one.version != 2 {
			return fault.New(fault.Invalid, "the App ID URI %q has no scheme, which needs access token version 2", name).At(at)
		}
		t.resources[name] = one
	}
	t.apps = append(t.apps, one)
	return nil
}

// addCredentials reads what client assertions are checked with, and fills in
// what was left to it.
func (p *principal) addCredentials(a *Application, at string) error {
	if a.Public && len(a.Certificates)+len(a.FederatedCredentials) > 0 {
		return fault.New(fault.Invalid, "a public client has no credentials").At(at)
	}
	for i := range a.Certificates {
		c, err := newCertificate(&a.Certificates[i], at)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.certificates, func(other certificate) bool { return other.id == c.id || other.x5tS256 == c.x5tS256 }) {
			return fault.New(fault.Invalid, "the certificate with thumbprint %s is registered twice", c.x5tS256).At(at)
		}
		p.certificates = append(p.certificates, c)
	}
	p.federated = a.FederatedCredentials
	return checkFederated(a.FederatedCredentials, at)
}

// userAssigned is where identities are that have no resource id, in a
// subscription that is nobody's.
const userAssigned = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/lab/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"

func (t *tenant) addIdentity(m *ManagedIdentity) error {
	at := "managed identity " + m.Name
	if m.System && len(m.FederatedCredentials) > 0 {
		return fault.New(fault.Invalid, "a system-assigned identity has no federated credentials, expected a user-assigned one").At(at)
	}
	p := &principal{
		name: m.Name, clientID: m.ClientID, objectID: m.ObjectID, managed: true, disabled: m.Disabled,
		assigned: m.Assignments, federated: m.FederatedCredentials,
	}
	if err := checkFederated(m.FederatedCredentials, at); err != nil {
		return err
	}
	if err := t.addPrincipal(p, at); err != nil {
		return err
	}
	m.ClientID, m.ObjectID = p.clientID, p.objectID
	if m.ResourceID == "" && !m.System {
		m.ResourceID = userAssigned + m.Name
	}
	return nil
}

func (t *tenant) addPrincipal(p *principal, at string) error {
	p.clientID, p.objectID = strings.ToLower(p.clientID), strings.ToLower(p.objectID)
	if p.objectID == "" {
		p.objectID = newUUID()
	}
	if !isUUID(p.clientID) || !isUUID(p.objectID) {
		return fault.New(fault.Invalid, "the client id %q or object id %q is no UUID", p.clientID, p.objectID).At(at)
	}
	if t.principals[p.clientID] != nil {
		return fault.New(fault.Invalid, "the client id %s is taken", p.clientID).At(at)
	}
	t.principals[p.clientID] = p
	t.wanted = append(t.wanted, p.assigned...)
	return nil
}

func (t *tenant) checkAssignment(a Assignment) error {
	for _, one := range t.apps {
		if one.Name == a.Application && slices.ContainsFunc(one.Roles, func(r AppRole) bool { return r.Value == a.Role }) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "there is no application %q with the app role %q", a.Application, a.Role).At("assignment")
}

// roles are those of the resource that p has, as tokens show them.
func (p *principal) roles(resource *app) []string {
	var roles []string
	for _, r := range resource.Roles {
		if !r.Disabled && !r.UsersOnly && slices.Contains(p.assigned, Assignment{resource.Name, r.Value}) {
			roles = append(roles, r.Value)
		}
	}
	return roles
}

// isUUID accepts the form with hyphens only.
func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	return err == nil && strings.Count(s, "-") == 4
}

// newUUID makes a random one (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
