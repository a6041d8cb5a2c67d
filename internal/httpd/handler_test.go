package httpd_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

func writeStatus(w http.ResponseWriter, _ *http.Request, err error) {
	w.WriteHeader(httpd.Status(err))
}

func TestErrorsReachTheWriter(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{fault.New(fault.Invalid, "x"), 400},
		{fault.New(fault.Malformed, "x"), 400},
		{fault.New(fault.Unauthenticated, "x"), 401},
		{fault.New(fault.Forbidden, "x"), 403},
		{fault.New(fault.NotFound, "x"), 404},
		{fault.New(fault.Conflict, "x"), 409},
		{fault.New(fault.Exhausted, "x"), 429},
		{fault.New(fault.Unsupported, "x"), 501},
		{fault.New(fault.Unavailable, "x"), 503},
		{fault.New(fault.Internal, "x"), 500},
		{fmt.Errorf("around: %w", fault.New(fault.Forbidden, "x")), 403},
		{errors.New("of another library"), 500},
	} {
		var got error
		h := httpd.Handle(func(http.ResponseWriter, *http.Request) error { return c.err }, func(w http.ResponseWriter, r *http.Request, err error) {
			got = err
			writeStatus(w, r, err)
		})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got != c.err || w.Code != c.status {
			t.Errorf("%v: the writer got %v, status %d, want %d", c.err, got, w.Code, c.status)
		}
	}
}

func TestSuccessIsNoError(t *testing.T) {
	h := httpd.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}, func(http.ResponseWriter, *http.Request, error) { t.Error("the writer of errors was called") })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusNoContent {
		t.Errorf("status %d", w.Code)
	}
}

func TestWriteJSON(t *testing.T) {
	for _, caching := range []string{"", "max-age=60"} {
		w := httptest.NewRecorder()
		if caching != "" {
			w.Header().Set("Cache-Control", caching)
		} else {
			caching = "no-store"
		}
		if err := httpd.WriteJSON(w, 201, map[string]string{"a": "<b>"}); err != nil {
			t.Fatal(err)
		}
		h := w.Header()
		if w.Code != 201 || h.Get("Content-Type") != "application/json; charset=utf-8" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != caching {
			t.Errorf("%d %v", w.Code, h)
		}
		if got := w.Body.String(); got != `{"a":"\u003cb\u003e"}` {
			t.Errorf("body %s", got)
		}
	}
}

// A handler may return the error of WriteJSON: nothing is written by then.
func TestWriteJSONOfWhatIsNone(t *testing.T) {
	w := httptest.NewRecorder()
	err := httpd.WriteJSON(w, 200, math.NaN())
	if fault.KindOf(err) != fault.Internal || w.Body.Len() != 0 || len(w.Header()) != 0 {
		t.Errorf("%v, body %q, header %v", err, w.Body, w.Header())
	}
}
