package entra

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// AdminPath is where the administrator's calls are: GET lists the applications,
// POST to a command below it changes one.
const AdminPath = "/_lab/entra"

// maxCommand holds any command that makes sense.
const maxCommand = 64 << 10

// Admin is a handler by which programs on this machine change the first tenant:
// POST of a command's JSON to [AdminPath]/COMMAND answers an [Answer], or an
// error as {"error":"…","hint":"…"}, and then nothing has changed. It belongs in
// front of injected faults. Who may not set faults is refused here.
func (e *Entra) Admin() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]httpd.Handler{
		"GET " + AdminPath:                 e.listApps,
		"POST " + AdminPath + "/{command}": e.command,
	} {
		mux.Handle(pattern, httpd.Handle(fromHere(h), writeAdminError))
	}
	return mux
}

func writeAdminError(w http.ResponseWriter, _ *http.Request, err error) {
	_ = httpd.WriteJSON(w, httpd.Status(err), AdminError{err.Error(), fault.HintOf(err)}) // strings always marshal
}

// AdminError is the answer to a call that changed nothing.
type AdminError struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// fromHere keeps the directory to programs on this machine.
func fromHere(next httpd.Handler) httpd.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := httpd.FromHere(r); err != nil {
			return err
		}
		return next(w, r)
	}
}

// first is the tenant that the administrator has.
func (e *Entra) first() *directory { return e.tenants[0] }

func (e *Entra) listApps(w http.ResponseWriter, _ *http.Request) error {
	t := e.first().current.Load()
	a := e.endpoints(t)
	a.Apps = []App{}
	for _, one := range t.config.Applications {
		a.Apps = append(a.Apps, view(one))
	}
	return httpd.WriteJSON(w, http.StatusOK, a)
}

func (e *Entra) command(w http.ResponseWriter, r *http.Request) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxCommand))
	if err != nil {
		return fault.New(fault.Malformed, "the body ended early or is above %d bytes", maxCommand).Because(err)
	}
	name := r.PathValue("command")
	if name == "rotate-keys" {
		return e.rotateKeys(w, raw)
	}
	run, ok := commands[name]
	if !ok {
		return fault.New(fault.NotFound, "there is no command %q", show(name))
	}
	var did result
	err = e.Update(e.TenantID(0), func(t *Tenant) (err error) {
		did, err = run(t, raw)
		return err
	})
	if err != nil {
		return err
	}
	t := e.first().current.Load()
	a := Answer{Tenant: t.id}
	if name == "create" {
		a = e.endpoints(t)
	}
	a.Done, a.Secret = did.done, did.secret
	if one := t.principals[did.clientID]; one != nil && one.app != nil {
		shown := view(one.app.Application)
		a.App = &shown
	}
	return httpd.WriteJSON(w, http.StatusOK, a)
}

// decode reads the JSON object of a command; unknown members are errors, so that
// none is ignored that somebody relies on.
func decode(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fault.New(fault.Malformed, "%s; expected a JSON object with this command's members", show(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Malformed, "more follows the object, expected one")
	}
	return nil
}
