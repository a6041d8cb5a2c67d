package entra

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/klammhq/klamm/internal/fault"
)

// directory is a tenant that can be changed. Each request reads one state of
// it, whole.
type directory struct {
	changing sync.Mutex
	current  atomic.Pointer[tenant]
}

func newDirectory(t *tenant) *directory {
	d := &directory{}
	d.current.Store(t)
	return d
}

// Update changes a tenant, named by its id or domain. change gets a copy; when
// Update returns nil, the next request sees what it made of it. An error of
// change, or what is wrong with the result (Invalid), leaves the tenant as it
// was. Changes follow each other; change must not call Update.
func (e *Entra) Update(tenantName string, change func(*Tenant) error) error {
	d := e.directory(tenantName)
	if d == nil {
		return fault.New(fault.NotFound, "there is no tenant %q", tenantName)
	}
	return d.update(change)
}

func (d *directory) update(change func(*Tenant) error) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	now := d.current.Load()
	config := now.config.clone()
	if err := change(&config); err != nil {
		return err
	}
	if config.ID != now.id || config.Domain != now.domain {
		return fault.New(fault.Invalid, "a tenant keeps its id and domain").At("Tenant")
	}
	next, err := compile(config)
	if err != nil {
		return err
	}
	d.current.Store(next)
	return nil
}

// clone copies t so that no change of the copy is seen in t.
func (t Tenant) clone() Tenant {
	t.Applications = slices.Clone(t.Applications)
	for i := range t.Applications {
		a := &t.Applications[i]
		a.AppIDURIs, a.Roles, a.Secrets = slices.Clone(a.AppIDURIs), slices.Clone(a.Roles), slices.Clone(a.Secrets)
		a.Permissions, a.Assignments = slices.Clone(a.Permissions), slices.Clone(a.Assignments)
		a.Certificates, a.FederatedCredentials = slices.Clone(a.Certificates), slices.Clone(a.FederatedCredentials)
	}
	t.ManagedIdentities = slices.Clone(t.ManagedIdentities)
	for i := range t.ManagedIdentities {
		m := &t.ManagedIdentities[i]
		m.Assignments, m.FederatedCredentials = slices.Clone(m.Assignments), slices.Clone(m.FederatedCredentials)
	}
	t.Groups = slices.Clone(t.Groups)
	for i := range t.Groups {
		t.Groups[i].Members = slices.Clone(t.Groups[i].Members)
	}
	return t
}
