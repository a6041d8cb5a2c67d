package oidc

import (
	"net/http"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// AdminPath is where the administrator's calls are: GET lists the servers, GET
// of /issued below it their tokens, POST to a command below it changes one.
const AdminPath = "/_lab/oidc"

// Admin is a handler by which programs on this machine change the servers: POST
// of a command's JSON to [AdminPath]/COMMAND answers an [Answer], or an
// [httpd.AdminError], and then nothing has changed. It belongs in front of
// injected faults.
func (h *Host) Admin() http.Handler {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]func(*http.Request) (Answer, error){
		"GET " + AdminPath:                 func(*http.Request) (Answer, error) { return h.list(), nil },
		"GET " + AdminPath + "/issued":     func(*http.Request) (Answer, error) { return Answer{Issued: h.issued()}, nil },
		"POST " + AdminPath + "/{command}": h.command,
	} {
		mux.Handle(pattern, httpd.Administered(func(w http.ResponseWriter, r *http.Request) error {
			a, err := answer(r)
			if err != nil {
				return err
			}
			return httpd.WriteJSON(w, http.StatusOK, a)
		}))
	}
	return mux
}

func (h *Host) command(r *http.Request) (Answer, error) {
	run, known := commands[r.PathValue("command")]
	if !known {
		return Answer{}, fault.New(fault.NotFound, "there is no command %.64q", r.PathValue("command"))
	}
	return run(h, r)
}

func (h *Host) list() Answer {
	a := Answer{Servers: []Server{}}
	for _, p := range h.providers {
		a.Servers = append(a.Servers, p.view())
	}
	return a
}

// at is what the JSON of every command has.
type at struct {
	Server string `json:"server"` // its name
}

func (a at) server() string { return a.Server }

// by reads a command's JSON and runs it at the server that it names.
func by[T interface{ server() string }](run func(*Provider, T) (Answer, error)) func(*Host, *http.Request) (Answer, error) {
	return func(h *Host, r *http.Request) (Answer, error) {
		var c T
		if err := httpd.ReadCommand(r, &c); err != nil {
			return Answer{}, err
		}
		p := h.named(c.server())
		if p == nil {
			return Answer{}, fault.New(fault.NotFound, "there is no server %.64q, expected one of %s", c.server(), h.names()).At("server")
		}
		a, err := run(p, c)
		if err == nil && a.Token == "" {
			view := p.view()
			a.Server = &view
		}
		return a, err
	}
}

func (h *Host) names() string {
	var names []string
	for _, p := range h.providers {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}
