package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/fault"
)

func TestHost(t *testing.T) {
	host := &oidc.Host{}
	if w := get(host, "/"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without a provider: %d", w.Code)
	}
	okta := newProvider(t)
	if err := host.Add(okta); err != nil {
		t.Fatal(err)
	}
	all := vendors(t)
	for name, v := range all {
		if err := host.Add(v.open(t)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	const form = "grant_type=client_credentials"
	for name, v := range all {
		body := read[answer](t, v.ask(host, basic(v.config.Clients[0].ID, password), form), http.StatusOK)
		if got := verified(t, host, v.keys, body.AccessToken).Text("iss"); got != base+v.issuer {
			t.Errorf("%s: issuer %q", name, got)
		}
	}
	read[answer](t, post(host, basic("0oa1", password), goodForm), http.StatusOK)
	if w := post(host, basic("App", password), goodForm); w.Code != http.StatusUnauthorized {
		t.Errorf("a client of another server: %d", w.Code)
	}
	list := read[struct{ Issued []oidc.Issued }](t, get(host, "/_lab/issued"), http.StatusOK)
	seen := map[string]bool{}
	for _, i := range list.Issued {
		seen[i.Issuer] = true
	}
	if len(list.Issued) != 4 || len(seen) != 4 {
		t.Errorf("issued %+v", list.Issued)
	}
}

// What lies in nobody's paths is refused in the words of whose issuer it is in.
func TestHostRefuses(t *testing.T) {
	host := &oidc.Host{}
	all := vendors(t)
	for _, p := range []*oidc.Provider{newProvider(t), all["Keycloak"].open(t), all["Cloudentity"].open(t)} {
		if err := host.Add(p); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		method, path string
		status       int
		member, want string
	}{
		{"GET", "/", 404, "errorCode", "E0000007"},
		{"GET", "/realms/Other/protocol/openid-connect/certs", 404, "errorCode", "E0000007"},
		{"GET", "/realms/Main/protocol/openid-connect/auth", 404, "error", "Unable to find matching target resource method"},
		{"GET", "/realms/Main/protocol/openid-connect/token", 404, "error", "HTTP 404 Not Found"},
		{"GET", "/realms/Mainly", 404, "errorCode", "E0000007"},
		{"GET", "/acme/default/oauth2/authorize", 404, "error", "not_found"},
		{"GET", "/acme/default/oauth2/token", 405, "error", "method_not_allowed"},
		{"POST", "/_lab/issued", 405, "errorCode", "E0000022"},
	} {
		w := httptest.NewRecorder()
		host.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if body := read[map[string]any](t, w, c.status); body[c.member] != c.want {
			t.Errorf("%s %s: %s", c.method, c.path, w.Body)
		}
	}
}

func TestHostOfTwoAtOnePath(t *testing.T) {
	v := vendors(t)["Cognito"]
	host := &oidc.Host{}
	if err := host.Add(v.open(t)); err != nil {
		t.Fatal(err)
	}
	v.config.Server = "eu-west-1_Other" // another pool, at the same token endpoint
	if err := host.Add(v.open(t)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want Invalid", err)
	}
	if w := get(host, "/eu-west-1_Other/.well-known/jwks.json"); w.Code != http.StatusNotFound {
		t.Errorf("a server that was refused answers %d", w.Code)
	}
}
