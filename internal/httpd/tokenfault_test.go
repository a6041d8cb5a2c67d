package httpd_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// issuer answers at /token with a token, and elsewhere without.
func issuer(faults *httpd.Faults) func(path string) httpd.TokenFault {
	var got httpd.TokenFault
	h := faults.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got = (httpd.TokenFault{}); strings.HasSuffix(r.URL.Path, "/token") {
			got = httpd.TakeTokenFault(r.Context())
		}
	}))
	return func(path string) httpd.TokenFault {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		return got
	}
}

// TestFaultOfTokens: only tokens count, and only where the path says.
func TestFaultOfTokens(t *testing.T) {
	faults := httpd.Faults{Tokens: true}
	ask, wrong, none := issuer(&faults), httpd.TokenFault{Opaque: true, Clock: -time.Hour}, httpd.TokenFault{}
	if err := faults.Set(httpd.Fault{Token: wrong, Path: "/b/token", Times: 2}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		path string
		want httpd.TokenFault
	}{{"/keys", none}, {"/a/token", none}, {"/b/token", wrong}, {"/keys", none}, {"/b/token", wrong}, {"/b/token", none}} {
		if got := ask(c.path); got != c.want {
			t.Errorf("%d, %s: %+v, want %+v", i, c.path, got, c.want)
		}
	}
	if got := httpd.TakeTokenFault(context.Background()); got != none {
		t.Errorf("without a request: %+v", got)
	}
	for name, f := range map[string]httpd.Fault{
		"with a status": {Token: wrong, Status: 500}, "with a page": {Token: wrong, HTML: true}, "late": {Token: wrong, Latency: time.Second},
		"cut": {Token: wrong, Truncate: true}, "of another century": {Token: httpd.TokenFault{Clock: 100 * 366 * 24 * time.Hour}},
	} {
		if err := faults.Set(f); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want Invalid", name, err)
		}
	}
}

// TestFaultOfTokensEnds: by time, by times, when it is cleared or replaced while
// a request is on its way.
func TestFaultOfTokensEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults, opaque := httpd.Faults{Tokens: true}, httpd.TokenFault{Opaque: true}
		var during func()
		var got httpd.TokenFault
		h := faults.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			during()
			got = httpd.TakeTokenFault(r.Context())
		}))
		for name, c := range map[string]struct {
			during func()
			want   httpd.TokenFault
		}{
			"stays":    {func() { <-time.After(time.Minute - 1) }, opaque},
			"over":     {func() { <-time.After(time.Minute) }, httpd.TokenFault{}},
			"cleared":  {faults.Clear, httpd.TokenFault{}},
			"replaced": {func() { _ = faults.Set(httpd.Fault{Status: 500}) }, httpd.TokenFault{}},
		} {
			if err := faults.Set(httpd.Fault{Token: opaque, Until: time.Now().Add(time.Minute)}); err != nil {
				t.Fatal(err)
			}
			during = c.during
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/token", nil))
			if got != c.want {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
			}
		}
	})
	faults := httpd.Faults{Tokens: true}
	if err := faults.Set(httpd.Fault{Token: httpd.TokenFault{Clock: time.Hour}, Times: 3}); err != nil {
		t.Fatal(err)
	}
	var hit atomic.Int32
	h := faults.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if httpd.TakeTokenFault(r.Context()).Clock != 0 {
			hit.Add(1)
		}
	}))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/token", nil)) })
	}
	all.Wait()
	if hit.Load() != 3 {
		t.Errorf("%d of 20 tokens were hit, want 3", hit.Load())
	}
}

// TestFaultPath: other requests are neither hit nor counted.
func TestFaultPath(t *testing.T) {
	var faults httpd.Faults
	h := faults.Wrap(http.HandlerFunc(token))
	if err := faults.Set(httpd.Fault{Status: 503, Path: "/keys", Times: 1}); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		path string
		want int
	}{{"/token", 200}, {"/keys/x", 200}, {"/monkeys", 200}, {"/x/keys?a=/y", 503}, {"/x/keys", 200}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != c.want {
			t.Errorf("%d, %s: %d, want %d", i, c.path, w.Code, c.want)
		}
	}
}

// TestFaultShown: GET tells what is left, in the form in which it is set.
func TestFaultShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := httpd.Faults{Tokens: true}
		show := func() string {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = "127.0.0.1:1"
			w := httptest.NewRecorder()
			faults.Admin().ServeHTTP(w, r)
			return w.Body.String()
		}
		set := func(text string) {
			t.Helper()
			f, err := httpd.ParseFault([]byte(text))
			if err == nil {
				err = faults.Set(f)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(when, text string) {
			t.Helper()
			if got := show(); got != text {
				t.Errorf("%s: %s, want %s", when, got, text)
			}
		}
		want("at first", "{}")
		set(`{"status":429,"header":{"Retry-After":"1"},"times":2,"for":"1m"}`)
		faulty(&faults)()
		<-time.After(20 * time.Second)
		want("in between", `{"status":429,"header":{"Retry-After":"1"},"times":1,"for":"40s"}`)
		set(show())
		faulty(&faults)()
		want("used up", "{}")
		set(`{"opaque":true,"clock":"-2h","path":"/token","times":2}`)
		issuer(&faults)("/keys")
		want("of tokens", `{"opaque":true,"clock":"-2h0m0s","path":"/token","times":2}`)
		set(`{"latency":"2s","truncate":true,"html":true,"body":"x","for":"1s"}`)
		want("all that answers", `{"body":"x","html":true,"latency":"2s","truncate":true,"for":"1s"}`)
		<-time.After(time.Second)
		want("over", "{}")
		if faults.Clear(); show() != "{}" {
			t.Error("cleared, it stays")
		}
		var answer map[string]any
		if err := json.Unmarshal([]byte(show()), &answer); err != nil {
			t.Error(err)
		}
	})
}
