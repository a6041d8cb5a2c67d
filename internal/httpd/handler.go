package httpd

import (
	"encoding/json"
	"net/http"

	"github.com/klammhq/klamm/internal/fault"
)

// Handler answers one request or returns why it cannot. A handler that returns
// an error has written nothing yet.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ErrorWriter writes an error in the shape of a surface. The error may come
// from anywhere; one that the surface does not know is an internal one, whose
// text stays inside.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// Handle joins a handler with the surface's one writer of errors.
func Handle(h Handler, fail ErrorWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			fail(w, r, err)
		}
	})
}

// statuses is the HTTP status of each kind of fault; any other is 500.
var statuses = map[fault.Kind]int{
	fault.Invalid:         http.StatusBadRequest,
	fault.Malformed:       http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Unsupported:     http.StatusNotImplemented,
	fault.Exhausted:       http.StatusTooManyRequests,
}

// Status is the HTTP status of err by its kind.
func Status(err error) int {
	if status, ok := statuses[fault.KindOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// WriteJSON answers with v. Nothing may cache it unless the caller has set
// Cache-Control before.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fault.New(fault.Internal, "the answer cannot be written as JSON").Because(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	// A client that has gone does not need its answer.
	_, _ = w.Write(body)
	return nil
}
