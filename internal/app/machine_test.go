package app

import (
	"testing"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/fault"
)

// TestMachine: a user-assigned identity that is taken away and assigned again is
// the same one with its roles; a system-assigned one is another.
func TestMachine(t *testing.T) {
	directory, err := entra.New(entra.Config{Tenants: []entra.Tenant{{
		ID:           "random",
		Applications: []entra.Application{{Name: "kafka", ClientID: newUUID(), Roles: []entra.AppRole{{Value: "Write"}}}},
		ManagedIdentities: []entra.ManagedIdentity{
			{Name: "user", ClientID: newUUID(), Assignments: []entra.Assignment{{Application: "kafka", Role: "Write"}}},
			{Name: "vm", System: true, ClientID: newUUID()},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{directory: directory, tenant: directory.TenantID(0), away: map[string]bool{}}
	named := func(name string) (imds.Identity, bool) {
		for _, i := range m.Identities() {
			if i.Name == name {
				return i, true
			}
		}
		return imds.Identity{}, false
	}
	user, _ := named("user")
	vm, _ := named("vm")
	for _, by := range []string{user.Name, user.ClientID, user.ResourceID} {
		if got, err := m.Unassign(by); err != nil || got != user {
			t.Fatalf("unassigned by %s: %+v, %v", by, got, err)
		}
		if _, there := named("user"); there {
			t.Error("it is still there")
		}
		if _, err := m.Unassign(by); fault.KindOf(err) != fault.NotFound {
			t.Errorf("unassigned twice: %v", err)
		}
		if got, err := m.Assign(imds.Identity{Name: "user"}); err != nil || got != user {
			t.Fatalf("assigned again: %+v, %v", got, err)
		}
	}
	if _, err := m.Unassign("vm"); err != nil {
		t.Fatal(err)
	}
	again, err := m.Assign(imds.Identity{Name: "vm", System: true})
	if err != nil || again.ClientID == vm.ClientID || again.ObjectID == vm.ObjectID || !again.System || again.ResourceID != "" {
		t.Errorf("a new system-assigned identity: %+v, %v", again, err)
	}
	made, err := m.Assign(imds.Identity{Name: "new"})
	if err != nil || made.ClientID == "" || made.ObjectID == "" || made.ResourceID == "" {
		t.Errorf("a new one: %+v, %v", made, err)
	}
	if _, err := m.Unassign("user"); err != nil {
		t.Fatal(err)
	}
	before := m.Identities()
	for name, c := range map[string]struct {
		wanted imds.Identity
		kind   fault.Kind
	}{
		"a second system-assigned one": {imds.Identity{Name: "vm2", System: true}, fault.Conflict},
		"there already":                {imds.Identity{Name: "new"}, fault.Conflict},
		"of the other kind":            {imds.Identity{Name: "vm"}, fault.Conflict},
		"of another client id":         {imds.Identity{Name: "user", ClientID: newUUID()}, fault.Conflict},
		"a client id that is none":     {imds.Identity{Name: "x", ClientID: "x"}, fault.Invalid},
		"a client id that is taken":    {imds.Identity{Name: "x", ClientID: made.ClientID}, fault.Invalid},
		"no name":                      {imds.Identity{}, fault.Invalid},
		"a name of two lines":          {imds.Identity{Name: "a\nb"}, fault.Invalid},
	} {
		if _, err := m.Assign(c.wanted); fault.KindOf(err) != c.kind || len(m.Identities()) != len(before) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Unassign(""); fault.KindOf(err) != fault.NotFound {
		t.Errorf("nobody is unassigned: %v", err)
	}
}
