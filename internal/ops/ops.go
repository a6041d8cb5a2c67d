// Package ops is the surface for those who run klamm: health, metrics, why
// somebody was refused, who is connected, reload, fresh keys. It belongs on
// loopback or a unix socket, where whoever reaches it may see and do all of it.
//
// It decides nothing about Kafka, and no answer of it holds a token.
package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/httpd"
)

// Records finds refusals; auditlog does.
type Records interface {
	ByRef(ref string) (audit.Record, bool)
	// LastFor finds the latest of a principal, an identity claim's value or a
	// client id.
	LastFor(subject string) (audit.Record, bool)
}

// Sessions are those that are open; a guard has them.
type Sessions interface {
	Sessions() []guard.Info
	Kill(id string) bool
}

// Config is what the surface shows. What is nil answers that it is not served
// here.
type Config struct {
	Records  Records
	Sessions Sessions
	Metrics  http.Handler
	// Ready returns what is still missing before clients can be served.
	Ready func() error
	// Reload reads the identity documents anew and returns when they are in force.
	Reload func(context.Context) error
	// RefreshKeys fetches an identity provider's keys now and ends the sessions
	// of keys that it no longer has. It returns how many those were.
	RefreshKeys func(ctx context.Context, provider string) (ended int, err error)
}

// New makes the handler. Wrap it in [Local] on a listener of its own.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	for _, route := range []struct {
		pattern string
		served  bool
		handle  httpd.Handler
	}{
		{"GET /{$}", true, c.index},
		{"GET /health", true, c.health},
		{"GET /ready", true, c.ready},
		{"GET /metrics", c.Metrics != nil, c.metrics},
		{"GET /explain/{ref}", c.Records != nil, c.explain},
		{"GET /explain", c.Records != nil, c.explainLast},
		{"GET /sessions", c.Sessions != nil, c.list},
		{"DELETE /sessions/{id}", c.Sessions != nil, c.kill},
		{"POST /reload", c.Reload != nil, c.reload},
		{"POST /keys/{provider}/refresh", c.RefreshKeys != nil, c.refreshKeys},
	} {
		if !route.served {
			route.handle = notServed
		}
		mux.Handle(route.pattern, httpd.Handle(route.handle, writeError))
	}
	return mux
}

// Local keeps web pages out of a listener on loopback: their requests come
// from another origin, or under a name that was made to point here (DNS
// rebinding). A person's tools use localhost, an address or a unix socket.
func Local(h http.Handler) http.Handler {
	var origin http.CrossOriginProtection
	h = origin.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r) {
			writeError(w, r, fault.New(fault.Forbidden, "the host %q is not served here, expected localhost or an address", r.Host))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isLocal(r *http.Request) bool {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && at.Network() == "unix" {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "localhost"
}

const endpoints = `klamm ops
GET    /health
GET    /ready
GET    /metrics
GET    /explain/REF
GET    /explain?principal=P&last    a principal, an identity claim's value or a client id
GET    /sessions
DELETE /sessions/ID
POST   /reload
POST   /keys/PROVIDER/refresh       fetches its keys now and ends the sessions of withdrawn ones
`

func (c Config) index(w http.ResponseWriter, _ *http.Request) error {
	return writeText(w, endpoints)
}

func (c Config) health(w http.ResponseWriter, _ *http.Request) error { return writeText(w, "ok\n") }

func (c Config) ready(w http.ResponseWriter, _ *http.Request) error {
	if c.Ready != nil {
		if err := c.Ready(); err != nil {
			return fault.New(fault.Unavailable, "not ready: %v", err).Because(err)
		}
	}
	return writeText(w, "ready\n")
}

func (c Config) metrics(w http.ResponseWriter, r *http.Request) error {
	c.Metrics.ServeHTTP(w, r)
	return nil
}

func (c Config) explain(w http.ResponseWriter, r *http.Request) error {
	ref := strings.TrimPrefix(r.PathValue("ref"), "ref=")
	record, ok := c.Records.ByRef(ref)
	if !ok {
		return fault.New(fault.NotFound, "no refusal has the reference %q", ref).
			Mend("use the whole reference, at the gateway that refused; very old steps make room for new ones")
	}
	return writeRecord(w, r, record)
}

func (c Config) explainLast(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	principal := q.Get("principal")
	if principal == "" || !q.Has("last") {
		return fault.New(fault.Invalid, "explain takes a reference in the path, or principal=P together with last").
			Mend("/explain/REF, or /explain?principal=User:pool-…&last")
	}
	record, ok := c.Records.LastFor(principal)
	if !ok {
		return fault.New(fault.NotFound, "no refusal of %q is known", principal).
			Mend("name a principal such as User:pool-…, the value of an identity claim, or a client id; nobody of that name was refused lately")
	}
	return writeRecord(w, r, record)
}

func (c Config) list(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, struct {
		Sessions []guard.Info `json:"sessions"`
	}{c.Sessions.Sessions()})
}

func (c Config) kill(w http.ResponseWriter, r *http.Request) error {
	if id := r.PathValue("id"); !c.Sessions.Kill(id) {
		return fault.New(fault.NotFound, "there is no open session %q", id).Mend("GET /sessions lists them")
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c Config) reload(w http.ResponseWriter, r *http.Request) error {
	if err := c.Reload(r.Context()); err != nil {
		return err
	}
	return writeText(w, "reloaded\n")
}

func (c Config) refreshKeys(w http.ResponseWriter, r *http.Request) error {
	ended, err := c.RefreshKeys(r.Context(), r.PathValue("provider"))
	if err != nil {
		return err
	}
	return writeText(w, fmt.Sprintf("refreshed; sessions ended: %d\n", ended))
}

func notServed(http.ResponseWriter, *http.Request) error {
	return fault.New(fault.Unsupported, "this is not served here")
}

func writeRecord(w http.ResponseWriter, r *http.Request, record audit.Record) error {
	if wantsJSON(r) {
		return writeJSON(w, http.StatusOK, record)
	}
	return writeText(w, Render(record))
}

func writeText(w http.ResponseWriter, text string) error {
	header(w, "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // the reader's connection is the reader's business
	return nil
}

// writeJSON indents: the reader is a person with curl as often as a program.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fault.New(fault.Internal, "the answer cannot be written as JSON").Because(err)
	}
	header(w, "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
	return nil
}

func header(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
