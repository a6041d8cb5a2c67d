package httpd_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/httpd"
)

// logged serves one request and returns the log at debug.
func logged(h http.HandlerFunc, r *http.Request) (*httptest.ResponseRecorder, string) {
	log := &sinkhole{}
	server := httpd.NewServer(h, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w := httptest.NewRecorder()
	server.Handler.ServeHTTP(w, r)
	return w, log.String()
}

const canary = "canary-5f0c9d3e"

// withCanary has a secret wherever one travels.
func withCanary() *http.Request {
	r := httptest.NewRequest("POST", "/token?client_secret="+canary, strings.NewReader("client_secret="+canary))
	r.Header.Set("Authorization", "Bearer "+canary)
	r.Header.Set("Cookie", "s="+canary)
	r.Header.Set("User-Agent", canary)
	r.Header.Set("Referer", "https://x/?token="+canary)
	return r
}

func TestAccessLogHasNoSecret(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"an answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/?"+canary)
			_, _ = io.Copy(w, r.Body)
		},
		"an error": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, canary, http.StatusUnauthorized) },
		"a panic":  func(http.ResponseWriter, *http.Request) { panic(fmt.Errorf("with %s", canary)) },
	} {
		_, log := logged(h, withCanary())
		if strings.Contains(log, canary) {
			t.Errorf("%s: the log has a secret:\n%s", name, log)
		}
		if !strings.Contains(log, "method=POST path=/token status=") {
			t.Errorf("%s: the log has %q", name, log)
		}
	}
}

func TestAccessLogTellsWhatWasAnswered(t *testing.T) {
	for _, c := range []struct {
		h    http.HandlerFunc
		want string
	}{
		{func(http.ResponseWriter, *http.Request) {}, "status=200 bytes=0"},
		{func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "four") }, "status=200 bytes=4"},
		{func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "status=204 bytes=0"},
		{func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(418)
			_, _ = io.WriteString(w, "pot")
		}, "status=418 bytes=3"},
		{func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic("late")
		}, "status=200 bytes=4"},
	} {
		if _, log := logged(c.h, httptest.NewRequest("GET", "/x", nil)); !strings.Contains(log, c.want) {
			t.Errorf("want %q, the log has %q", c.want, log)
		}
	}
}

func TestPanicIsAnsweredEmpty(t *testing.T) {
	w, log := logged(func(http.ResponseWriter, *http.Request) { panic(canary) }, withCanary())
	if w.Code != 500 || w.Body.Len() != 0 || !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "panic=string") {
		t.Errorf("%d %q; the log has %q", w.Code, w.Body, log)
	}
}

// http.ErrAbortHandler is how a handler cuts its connection: net/http must see it.
func TestAbortGoesOn(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	logged(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, httptest.NewRequest("GET", "/", nil))
	t.Error("the panic was swallowed")
}

// The recorder hides nothing from http.ResponseController.
func TestResponseControllerWorks(t *testing.T) {
	w, _ := logged(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}, httptest.NewRequest("GET", "/", nil))
	if !w.Flushed {
		t.Error("nothing was flushed")
	}
}
