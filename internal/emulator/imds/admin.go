package imds

import (
	"fmt"
	"net/http"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// AdminPath is where the administrator's calls are: GET lists the identities of
// the machine and the kept tokens, POST to a command below it changes them.
const AdminPath = "/_lab/imds"

// Machine assigns identities to the machine that an [Issuer] knows, and takes
// them away. It is safe for concurrent use.
type Machine interface {
	// Assign assigns the identity with this name, and makes it when there is
	// none, with the client id (one of its choice when empty).
	Assign(wanted Identity) (Identity, error)
	// Unassign takes the identity with this name, client id or resource id away.
	Unassign(name string) (Identity, error)
}

// Answer is what the administrator's calls say.
type Answer struct {
	Done       string             `json:"done,omitempty"` // a sentence
	Identities []AssignedIdentity `json:"identities"`     // as they are now
	Kept       []KeptToken        `json:"kept_tokens"`
}

// AssignedIdentity is a managed identity of the machine.
type AssignedIdentity struct {
	Name       string `json:"name"`
	Type       string `json:"type"` // SystemAssigned or UserAssigned, as Azure says
	ClientID   string `json:"client_id"`
	ObjectID   string `json:"object_id"` // tokens have it as oid and sub
	ResourceID string `json:"msi_res_id,omitempty"`
}

// KeptToken tells of a token that is kept, without the token.
type KeptToken struct {
	ClientID string    `json:"client_id"`
	Resource string    `json:"resource"`
	Version  string    `json:"ver"` // 1.0 or 2.0
	Until    time.Time `json:"until"`
	Expires  time.Time `json:"expires_on"`
}

// Admin is a handler by which programs on this machine see and change what the
// service hands out: POST of a command's JSON to [AdminPath]/COMMAND answers an
// [Answer], or an [httpd.AdminError], and then nothing has changed. It belongs
// in front of injected faults.
func (s *IMDS) Admin(m Machine) http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]func(*http.Request) (string, error){
		"GET " + AdminPath:                 func(*http.Request) (string, error) { return "", nil },
		"POST " + AdminPath + "/{command}": func(r *http.Request) (string, error) { return s.command(m, r) },
	} {
		mux.Handle(pattern, httpd.Administered(func(w http.ResponseWriter, r *http.Request) error {
			done, err := do(r)
			if err != nil {
				return err
			}
			return httpd.WriteJSON(w, http.StatusOK, s.view(done))
		}))
	}
	return mux
}

// commands change the service or its machine, and say what they did.
var commands = map[string]func(*IMDS, Machine, *http.Request) (string, error){
	"clear-cache": clearCache, "assign": assign, "unassign": unassign,
}

func (s *IMDS) command(m Machine, r *http.Request) (done string, err error) {
	run, known := commands[r.PathValue("command")]
	if !known {
		return "", fault.New(fault.NotFound, "there is no command %.64q", r.PathValue("command"))
	}
	return run(s, m, r)
}

func (s *IMDS) view(done string) Answer {
	a := Answer{Done: done, Identities: []AssignedIdentity{}, Kept: s.cache.kept(s.now())}
	for _, i := range s.issuer.Identities() {
		kind := "UserAssigned"
		if i.System {
			kind = "SystemAssigned"
		}
		a.Identities = append(a.Identities, AssignedIdentity{i.Name, kind, i.ClientID, i.ObjectID, i.ResourceID})
	}
	return a
}

func clearCache(s *IMDS, _ Machine, r *http.Request) (string, error) {
	if err := httpd.ReadCommand(r, &struct{}{}); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d kept tokens are forgotten", s.cache.clear()), nil
}

func assign(_ *IMDS, m Machine, r *http.Request) (string, error) {
	var c struct {
		Name     string `json:"name"`
		System   bool   `json:"system"`
		ClientID string `json:"client_id"`
	}
	if err := httpd.ReadCommand(r, &c); err != nil {
		return "", err
	}
	i, err := m.Assign(Identity{Name: c.Name, System: c.System, ClientID: c.ClientID})
	return fmt.Sprintf("%s is assigned; it has client id %s", i.Name, i.ClientID), err
}

func unassign(_ *IMDS, m Machine, r *http.Request) (string, error) {
	var c struct {
		Name string `json:"name"`
	}
	if err := httpd.ReadCommand(r, &c); err != nil {
		return "", err
	}
	i, err := m.Unassign(c.Name)
	if i.System {
		return i.Name + " is gone: a system-assigned identity ends when it is taken away", err
	}
	return i.Name + " is assigned no more; it keeps its roles", err
}
