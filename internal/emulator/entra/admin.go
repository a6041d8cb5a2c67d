package entra

import (
	"encoding/json"
	"net/http"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// AdminPath is where the administrator's calls are: GET lists the applications,
// and at [AdminPath]/groups the groups; POST to a command below either changes
// one.
const AdminPath = "/_lab/entra"

// Admin is a handler by which programs on this machine change the first tenant:
// POST of a command's JSON to [AdminPath]/COMMAND or [AdminPath]/groups/COMMAND
// answers an [Answer], or an [httpd.AdminError], and then nothing has changed. It
// belongs in front of injected faults. Who may not set faults is refused here.
func (e *Entra) Admin() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]httpd.Handler{
		"GET " + AdminPath:                        e.listApps,
		"POST " + AdminPath + "/rotate-keys":      e.rotateKeys,
		"POST " + AdminPath + "/{command}":        e.commanded(commands),
		"GET " + AdminPath + "/groups":            e.listGroups,
		"POST " + AdminPath + "/groups/{command}": e.commanded(groupCommands),
	} {
		mux.Handle(pattern, httpd.Administered(h))
	}
	return mux
}

// first is the tenant that the administrator has.
func (e *Entra) first() *directory { return e.tenants[0] }

func (e *Entra) listApps(w http.ResponseWriter, _ *http.Request) error {
	t := e.first().current.Load()
	a := e.endpoints(t)
	a.Apps, a.Identities = []App{}, []Identity{}
	for _, one := range t.config.Applications {
		a.Apps = append(a.Apps, t.view(one))
	}
	for _, one := range t.config.ManagedIdentities {
		a.Identities = append(a.Identities, viewIdentity(one))
	}
	return httpd.WriteJSON(w, http.StatusOK, a)
}

func (e *Entra) listGroups(w http.ResponseWriter, _ *http.Request) error {
	t := e.first().current.Load()
	a := Answer{Tenant: t.id, Groups: []GroupView{}}
	for _, one := range t.config.Groups {
		a.Groups = append(a.Groups, viewGroup(one))
	}
	return httpd.WriteJSON(w, http.StatusOK, a)
}

// commanded is a handler of commands that change the tenant.
func (e *Entra) commanded(commands map[string]func(*Tenant, []byte) (result, error)) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error { return e.run(w, r, commands) }
}

// run does one of the commands.
func (e *Entra) run(w http.ResponseWriter, r *http.Request, commands map[string]func(*Tenant, []byte) (result, error)) error {
	var raw json.RawMessage
	if err := httpd.ReadCommand(r, &raw); err != nil {
		return err
	}
	name := r.PathValue("command")
	run, ok := commands[name]
	if !ok {
		return fault.New(fault.NotFound, "there is no command %q", show(name))
	}
	var did result
	err := e.Update(e.TenantID(0), func(t *Tenant) (err error) {
		did, err = run(t, raw)
		return err
	})
	if err != nil {
		return err
	}
	return httpd.WriteJSON(w, http.StatusOK, e.answer(did))
}

// answer tells what a command did, and shows what it was about as it is now.
func (e *Entra) answer(did result) Answer {
	t := e.first().current.Load()
	a := Answer{Tenant: t.id}
	if did.created {
		a = e.endpoints(t)
	}
	a.Done, a.Secret = did.done, did.secret
	if p := t.principals[did.clientID]; p != nil && p.app != nil {
		shown := t.view(p.app.Application)
		a.App = &shown
	}
	for _, one := range t.config.ManagedIdentities {
		if one.ClientID == did.clientID {
			shown := viewIdentity(one)
			a.Identity = &shown
		}
	}
	for _, one := range t.config.Groups {
		if one.ObjectID == did.group {
			shown := viewGroup(one)
			a.Group = &shown
		}
	}
	return a
}
