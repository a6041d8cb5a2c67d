package entra

import (
	"context"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// ManagedIdentities lists those of a tenant, with the object ids that were
// chosen; nil for an unknown tenant.
func (e *Entra) ManagedIdentities(tenantID string) []ManagedIdentity {
	t := e.tenant(tenantID)
	if t == nil {
		return nil
	}
	return slices.Clone(t.identities)
}

// ManagedIdentityToken is what the metadata service of a machine asks for:
// resource is an App ID URI or an id, no scope. Errors that Entra knows have a
// *[Refusal] in their chain; an identity that the tenant does not have is
// NotFound without one, since only the machine knows its identities.
func (e *Entra) ManagedIdentityToken(tenantID, clientID, resource string) (Grant, error) {
	t, err := e.namedTenant(tenantID)
	if err != nil {
		return Grant{}, err
	}
	p := t.principals[strings.ToLower(clientID)]
	if p == nil || !p.managed {
		return Grant{}, fault.New(fault.NotFound, "the tenant %s has no managed identity with the client id %q", t.id, clientID)
	}
	if p.disabled {
		return Grant{}, refuse(7000112, p.clientID)
	}
	if resource == "" || strings.ContainsAny(resource, " \t\r\n") || strings.HasSuffix(resource, "/.default") {
		return Grant{}, refuse(50001, resource)
	}
	return e.grant(context.Background(), t, p, proof{way: ByPlatform}, resource)
}
