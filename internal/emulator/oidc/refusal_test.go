package oidc_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/secret"
)

// refused is both shapes of an error.
type refused struct {
	Error       string   `json:"error"`
	Description string   `json:"error_description"`
	Code        string   `json:"errorCode"`
	Summary     string   `json:"errorSummary"`
	Link        string   `json:"errorLink"`
	ID          string   `json:"errorId"`
	Causes      []string `json:"errorCauses"`
}

func TestRefusals(t *testing.T) {
	good := basic("0oa1", password)
	escaped := url.QueryEscape(password)
	for _, c := range []struct {
		name, auth, form string
		status           int
		code             string
		text             string
		okta             bool
	}{
		{"wrong secret", basic("0oa1", "x"), goodForm, 401, "invalid_client", "The client secret supplied", false},
		{"empty secret", basic("0oa1", ""), goodForm, 401, "invalid_client", "The client secret supplied", false},
		{"another's secret", basic("0oa2", password), goodForm, 401, "invalid_client", "The client secret supplied", false},
		{"part of the secret", basic("0oa1", password[:5]), goodForm, 401, "invalid_client", "The client secret supplied", false},
		{"secret encoded twice", basic("0oa1", url.QueryEscape(escaped)), goodForm, 401, "invalid_client", "The client secret supplied", false},
		{"unknown client", basic("0oa9", password), goodForm, 401, "invalid_client", "Invalid value for 'client_id' parameter.", true},
		{"unknown client in body", "", goodForm + "&client_id=x&client_secret=y", 401, "invalid_client", "Invalid value for 'client_id' parameter.", true},
		{"disabled client", basic("0oaOff", password), goodForm, 401, "invalid_client", "Client authentication failed.", false},
		{"disabled client, wrong secret", basic("0oaOff", "x"), goodForm, 401, "invalid_client", "The client secret supplied", false},
		{"no client", "", goodForm, 401, "invalid_client", "No client credentials found.", false},
		{"id alone", "", goodForm + "&client_id=0oa1", 401, "invalid_client", "No client credentials found.", false},
		{"secret alone", "", goodForm + "&client_secret=" + escaped, 401, "invalid_client", "Invalid value for 'client_id'", true},
		{"empty secret in body", "", goodForm + "&client_id=0oa1&client_secret=", 401, "invalid_client", "The client secret supplied", false},
		{"header and body", good, goodForm + "&client_id=0oa1&client_secret=" + escaped, 401, "invalid_request", "Cannot supply multiple client credentials.", false},
		{"header and id", good, goodForm + "&client_id=0oa1", 401, "invalid_request", "Cannot supply multiple client credentials.", false},
		{"header and another id", good, goodForm + "&client_id=0oa2", 401, "invalid_request", "Cannot supply multiple client credentials.", false},
		{"not Basic", "Bearer abc", goodForm, 401, "invalid_client", "Client authentication failed.", false},
		{"no base64", "Basic !!", goodForm, 401, "invalid_client", "Client authentication failed.", false},
		{"no colon", "Basic YWJj", goodForm, 401, "invalid_client", "Client authentication failed.", false},
		{"no grant type", good, "scope=my-scope", 400, "invalid_request", "The parameter 'grant_type'", false},
		{"empty body", good, "", 400, "invalid_request", "The parameter 'grant_type'", false},
		{"another grant", good, "grant_type=password&scope=my-scope", 400, "unsupported_grant_type", "The authorization grant type is not supported", false},
		{"jwt-bearer", "", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c", 400, "unsupported_grant_type", "The authorization grant type is not supported", false},
		{"no scope", good, "grant_type=client_credentials", 400, "invalid_scope", "The authorization server resource does not have any configured default scopes", false},
		{"empty scope", good, "grant_type=client_credentials&scope=+", 400, "invalid_scope", "The authorization server resource does not have", false},
		{"unknown scope", good, "grant_type=client_credentials&scope=admin", 400, "invalid_scope", "One or more scopes are not configured", false},
		{"one unknown scope", good, "grant_type=client_credentials&scope=my-scope+admin", 400, "invalid_scope", "One or more scopes are not configured", false},
		{"scope in capitals", good, "grant_type=client_credentials&scope=MY-SCOPE", 400, "invalid_scope", "One or more scopes are not configured", false},
		{"unknown client asks for unknown scope", basic("x", "y"), "grant_type=client_credentials&scope=admin", 401, "invalid_client", "Invalid value for", true},
		{"scope twice", good, goodForm + "&scope=other", 400, "invalid_request", "A parameter of the request", false},
		{"grant type twice", good, goodForm + "&grant_type=client_credentials", 400, "invalid_request", "A parameter of the request", false},
		{"too large", good, goodForm + "&x=" + strings.Repeat("a", 65<<10), 400, "invalid_request", "The request body cannot be read", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProvider(t)
			w := post(p, c.auth, c.form)
			body := read[refused](t, w, c.status)
			code, text := body.Error, body.Description
			if c.okta {
				code, text = body.Code, body.Summary
				if body.Error != "" || body.Link != c.code || !strings.HasPrefix(body.ID, "oae") || body.Causes == nil {
					t.Errorf("not in Okta's shape: %s", w.Body)
				}
			}
			if code != c.code || !strings.HasPrefix(text, c.text) {
				t.Errorf("got %s, want %s %q", w.Body, c.code, c.text)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got != "") != (c.status == 401 && c.auth != "") {
				t.Errorf("WWW-Authenticate %q", got)
			}
			if strings.Contains(w.Body.String(), "canary") || len(p.Issued()) != 0 {
				t.Errorf("shows a secret or issued a token: %s %v", w.Body, p.Issued())
			}
		})
	}
}

func TestRequestsThatAreNoForms(t *testing.T) {
	for _, c := range []struct {
		name, method, target, media, body string
		status                            int
		code                              string
	}{
		{"GET", "GET", tokenPath, "", "", 405, "E0000022"},
		{"POST to keys", "POST", "/oauth2/default/v1/keys", "", "", 405, "E0000022"},
		{"another server", "POST", "/oauth2/other/v1/token", "application/x-www-form-urlencoded", goodForm, 404, "E0000007"},
		{"untidy path", "POST", "http://h/oauth2//default/v1/token", "application/x-www-form-urlencoded", goodForm, 404, "E0000007"},
		{"root", "GET", "/", "", "", 404, "E0000007"},
		{"JSON", "POST", tokenPath, "application/json", `{"grant_type":"client_credentials"}`, 415, "E0000021"},
		{"no type", "POST", tokenPath, "", goodForm, 415, "E0000021"},
		{"in the address", "POST", tokenPath + "?" + goodForm, "application/x-www-form-urlencoded", "", 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			r.Header.Set("Authorization", basic("0oa1", password))
			w := httptest.NewRecorder()
			newProvider(t).ServeHTTP(w, r)
			if body := read[refused](t, w, c.status); body.Code != c.code {
				t.Errorf("got %s, want %s", w.Body, c.code)
			}
			if w.Header().Get("Location") != "" || c.status == 405 && w.Header().Get("Allow") == "" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
	r := httptest.NewRequest("POST", tokenPath+"?client_id=0oa1&client_secret="+url.QueryEscape(password), strings.NewReader(goodForm))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	newProvider(t).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("secret in the address: %d %s", w.Code, w.Body)
	}
}

// TestNothingPrintsSecrets greps everything that could be printed.
func TestNothingPrintsSecrets(t *testing.T) {
	var log bytes.Buffer
	p := newProvider(t)
	server := httpd.NewServer(p, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	token := read[answer](t, post(server.Handler, basic("0oa1", password), goodForm), http.StatusOK).AccessToken
	post(server.Handler, "", goodForm+"&client_id=0oa9&client_secret="+url.QueryEscape(password))
	printed := log.String() + fmt.Sprintf("%+v %#v %+v", p, p, config(t)) + get(p, "/_lab/issued").Body.String() + fmt.Sprint(p.Issued())
	for _, hidden := range []string{"canary", token} {
		if strings.Contains(printed, hidden) {
			t.Error("a secret or a token shows")
		}
	}
	if log.Len() == 0 {
		t.Error("no log to look through")
	}
}

func TestIssuedIsBounded(t *testing.T) {
	c := config(t)
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	first := ""
	for n := range 1001 {
		post(p, basic("0oa1", password), goodForm)
		if n == 0 {
			first = p.Issued()[0].ID
		}
	}
	if list := p.Issued(); len(list) != 1000 || list[0].ID == first {
		t.Errorf("%d in the list, the first %v", len(list), list[0].ID == first)
	}
}

func FuzzToken(f *testing.F) {
	good := basic("0oa2", "two")
	for _, seed := range [][2]string{
		{good, goodForm}, {"", goodForm + "&client_id=0oa2&client_secret=two"}, {"", goodForm + "&client_id=0oa2&client_secret=%74wo"},
		{"Basic", ""}, {"Basic !!", "%zz"}, {good, "grant_type=client_credentials&scope=api://x/.default other"}, {good, "&&=&"}, {"Bearer x", goodForm},
	} {
		f.Add(seed[0], seed[1])
	}
	c := config(f)
	c.Clients = []oidc.Client{{ID: "0oa2", Secret: secret.New("two")}}
	p, err := oidc.New(c)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, auth, form string) {
		w := post(p, auth, form)
		switch w.Code {
		case http.StatusBadRequest, http.StatusUnauthorized:
			return
		case http.StatusOK:
		default:
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		parsed, err := url.ParseQuery(form)
		if err != nil {
			return // httpd reads more than net/url does
		}
		proven := parsed.Get("client_id") == "0oa2" && parsed.Get("client_secret") == "two"
		if parsed.Get("grant_type") != "client_credentials" || parsed.Get("scope") == "" || (auth == "") != proven {
			t.Fatalf("a token for %q, %q", auth, form)
		}
	})
}

func BenchmarkToken(b *testing.B) {
	p := newProvider(b)
	auth := basic("0oa1", password)
	b.ReportAllocs()
	for b.Loop() {
		if w := post(p, auth, goodForm); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
