package entra

import (
	"fmt"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
)

// groupCommands change the groups of a tenant by the JSON of a request.
var groupCommands = map[string]func(*Tenant, []byte) (result, error){
	"create":        by(createGroup),
	"delete":        by(deleteGroup),
	"add-member":    by(addMember),
	"remove-member": by(removeMember),
}

type newGroup struct {
	DisplayName     string `json:"displayName"`
	SecurityEnabled *bool  `json:"securityEnabled"` // true when null
}

func createGroup(t *Tenant, c newGroup) (result, error) {
	if err := plain("displayName", c.DisplayName, true); err != nil {
		return result{}, err
	}
	g := Group{Name: c.DisplayName, ObjectID: newUUID(), NotSecurity: c.SecurityEnabled != nil && !*c.SecurityEnabled}
	t.Groups = append(t.Groups, g)
	return result{done: "the group " + g.Name + " has the object id " + g.ObjectID, group: g.ObjectID}, nil
}

func deleteGroup(t *Tenant, c reference) (result, error) {
	g, err := t.group(c.ID)
	if err != nil {
		return result{}, err
	}
	name := g.Name
	remove(&t.Groups, func(one Group) bool { return one.Name == name })
	return result{done: "the group " + name + " is deleted"}, nil
}

type member struct {
	reference
	Member string `json:"member"`
}

func addMember(t *Tenant, c member) (result, error) {
	g, who, err := t.membership(c)
	if err != nil {
		return result{}, err
	}
	if slices.Contains(g.Members, who.name) {
		return result{}, fault.New(fault.Conflict, "%s is a member of %s already", who.name, g.Name)
	}
	g.Members = append(g.Members, who.name)
	return result{done: fmt.Sprintf("%s is a member of %s", who.name, g.Name), group: g.ObjectID}, nil
}

func removeMember(t *Tenant, c member) (result, error) {
	g, who, err := t.membership(c)
	if err != nil {
		return result{}, err
	}
	if !remove(&g.Members, func(name string) bool { return name == who.name }) {
		return result{}, fault.New(fault.NotFound, "%s is no member of %s", who.name, g.Name).At("member")
	}
	return result{done: fmt.Sprintf("%s is a member of %s no longer", who.name, g.Name), group: g.ObjectID}, nil
}

func (t *Tenant) membership(c member) (*Group, assignee, error) {
	g, err := t.group(c.ID)
	if err != nil {
		return nil, assignee{}, err
	}
	who, err := t.assignee(c.Member)
	return g, who, err
}

// group finds one by its display name or object id.
func (t *Tenant) group(id string) (*Group, error) {
	for i := range t.Groups {
		if g := &t.Groups[i]; id != "" && (g.Name == id || strings.EqualFold(g.ObjectID, id)) {
			return g, nil
		}
	}
	return nil, fault.New(fault.NotFound, "there is no group %q, expected a display name or object id", show(id)).At("id")
}
