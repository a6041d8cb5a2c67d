package oidc_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

var (
	start      = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	signingKey = sync.OnceValues(func() (*jwt.SigningKey, error) { return jwt.GenerateRSA(2048) })
)

const (
	tokenPath = "/oauth2/default/v1/token"
	password  = "canary-7f3a secret+%/:"
	goodForm  = "grant_type=client_credentials&scope=my-scope"
)

func config(t testing.TB) oidc.Config {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	return oidc.Config{
		Shape: oidc.Okta, Server: "default", Audience: "api://kafka", Scopes: []string{"my-scope", "other", "api://x/.default"},
		Clients: []oidc.Client{
			{ID: "0oa1", Secret: secret.New(password)},
			{ID: "0oa2", Secret: secret.New("two")},
			{ID: "0oaOff", Secret: secret.New(password), Disabled: true},
		},
		BaseURL: "https://127.0.0.1:8444", Now: func() time.Time { return start }, Key: key,
	}
}

func newProvider(t testing.TB) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func basic(id, text string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+text))
}

// post sends a form; without auth there is no Authorization header.
func post(p http.Handler, auth, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, tokenPath, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func get(p http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

type answer struct {
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope"`
}

func read[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var body T
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return body
}

func TestToken(t *testing.T) {
	p := newProvider(t)
	w := post(p, basic("0oa1", password), "grant_type=client_credentials&scope=my-scope+other+my-scope")
	body := read[answer](t, w, http.StatusOK)
	if body.TokenType != "Bearer" || body.ExpiresIn != 3600 || body.Scope != "my-scope other" {
		t.Errorf("%s %d %q", body.TokenType, body.ExpiresIn, body.Scope)
	}
	if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control %q", got)
	}
	// As a verifier does it: the key set document first, then the key by its id.
	keys, err := jwt.ParseSet(get(p, "/oauth2/default/v1/keys").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Parse(secret.New(body.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwt.NewStatic(keys...).Key(context.Background(), token.Kid)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Verify(key); err != nil {
		t.Error(err)
	}
	if token.Alg != "RS256" || token.Kid == "" {
		t.Errorf("alg %s, kid %q", token.Alg, token.Kid)
	}
	id := token.Text("jti")
	if !strings.HasPrefix(id, "AT.") || len(id) < 30 {
		t.Errorf("jti %q", id)
	}
	delete(token.Claims, "jti")
	want := map[string]any{
		"ver": int64(1), "iss": "https://127.0.0.1:8444/oauth2/default", "aud": "api://kafka",
		"iat": start.Unix(), "exp": start.Unix() + 3600, "cid": "0oa1", "scp": []any{"my-scope", "other"}, "sub": "0oa1",
	}
	if got := fmt.Sprint(token.Claims); got != fmt.Sprint(want) {
		t.Errorf("claims\n%s, want\n%v", got, want)
	}
	issued := p.Issued()
	if len(issued) != 1 || issued[0].ID != id || issued[0].Client != "0oa1" || !issued[0].Expires.Equal(start.Add(time.Hour)) {
		t.Errorf("issued %+v", issued)
	}
	list := read[struct{ Issued []oidc.Issued }](t, get(p, "/_lab/issued"), http.StatusOK)
	if len(list.Issued) != 1 || list.Issued[0].ID != id {
		t.Errorf("list %+v", list)
	}
}

// TestClients sends what real clients send, byte for byte.
func TestClients(t *testing.T) {
	encoded := url.QueryEscape("0oa1") + ":" + url.QueryEscape(password)
	for _, c := range []struct{ name, headers, body string }{
		{"librdkafka", "Accept: application/json\r\nAuthorization: " + basic("0oa1", password), goodForm},
		{"librdkafka, scope as it is", "Accept: application/json\r\nAuthorization: " + basic("0oa1", password), "grant_type=client_credentials&scope=api://x/.default other"},
		{"Java", "Cache-Control: no-cache\r\nAccept: application/json\r\nAuthorization: " + basic("0oa1", password), goodForm},
		{"Java, header.urlencode", "Accept: application/json\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte(encoded)), "grant_type=client_credentials&scope=api%3A%2F%2Fx%2F.default"},
		{"curl", "authorization: " + strings.Replace(basic("0oa1", password), "Basic", "basic", 1), goodForm},
		{"client_secret_post", "Accept: */*", goodForm + "&client_id=0oa1&client_secret=" + url.QueryEscape(password)},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: h\r\n%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", tokenPath, c.headers, len(c.body), c.body)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			newProvider(t).ServeHTTP(w, r)
			if read[answer](t, w, http.StatusOK).AccessToken == "" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Errorf("%s as %s", w.Body, w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestDiscovery(t *testing.T) {
	p := newProvider(t)
	for _, path := range []string{"/oauth2/default/.well-known/openid-configuration", "/oauth2/default/.well-known/oauth-authorization-server"} {
		w := get(p, path)
		body := read[map[string]any](t, w, http.StatusOK)
		for name, want := range map[string]string{"issuer": p.Issuer(), "token_endpoint": p.TokenURL(), "jwks_uri": p.JWKSURL()} {
			if want == "" || body[name] != want {
				t.Errorf("%s: %s is %v, want %q", path, name, body[name], want)
			}
		}
		if got := w.Header().Get("Cache-Control"); !strings.HasPrefix(got, "max-age=") {
			t.Errorf("Cache-Control %q", got)
		}
	}
	if got := get(p, "/oauth2/default/v1/keys").Header().Get("Cache-Control"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("keys: Cache-Control %q", got)
	}
}

func TestBaseURL(t *testing.T) {
	c := config(t)
	c.BaseURL, c.Server = "", "aus123"
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if p.Issuer() != "" || p.TokenURL() != "" || p.JWKSURL() != "" {
		t.Error("addresses without a base URL")
	}
	if w := get(p, "/oauth2/aus123/v1/keys"); w.Code != http.StatusServiceUnavailable || w.Body.Len() != 0 {
		t.Errorf("without a base URL: %d %q, want 503 and no body", w.Code, w.Body)
	}
	p.SetBaseURL("https://h:1/")
	if got := p.Issuer(); got != "https://h:1/oauth2/aus123" {
		t.Errorf("issuer %q", got)
	}
	read[map[string]any](t, get(p, "/oauth2/aus123/v1/keys"), http.StatusOK)
}

// TestNew removes or spoils each setting.
func TestNew(t *testing.T) {
	ec, err := jwt.GenerateEC()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*oidc.Config){
		"no shape":         func(c *oidc.Config) { c.Shape = "" },
		"unknown shape":    func(c *oidc.Config) { c.Shape = "acme" },
		"no server":        func(c *oidc.Config) { c.Server = "" },
		"server of parts":  func(c *oidc.Config) { c.Server = "a/b" },
		"no audience":      func(c *oidc.Config) { c.Audience = "" },
		"no scopes":        func(c *oidc.Config) { c.Scopes = nil },
		"scope of words":   func(c *oidc.Config) { c.Scopes = []string{"a b"} },
		"empty scope":      func(c *oidc.Config) { c.Scopes = []string{""} },
		"no clients":       func(c *oidc.Config) { c.Clients = nil },
		"client, no id":    func(c *oidc.Config) { c.Clients = []oidc.Client{{Secret: secret.New("x")}} },
		"client, colon":    func(c *oidc.Config) { c.Clients = []oidc.Client{{ID: "a:b", Secret: secret.New("x")}} },
		"client, plus":     func(c *oidc.Config) { c.Clients = []oidc.Client{{ID: "a+b", Secret: secret.New("x")}} },
		"client, nothing":  func(c *oidc.Config) { c.Clients = []oidc.Client{{ID: "a"}} },
		"client twice":     func(c *oidc.Config) { c.Clients = append(c.Clients, c.Clients[0]) },
		"negative life":    func(c *oidc.Config) { c.TokenLifetime = -1 },
		"key of other alg": func(c *oidc.Config) { c.Key = ec },
	} {
		c := config(t)
		spoil(&c)
		_, err := oidc.New(c)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
		if err != nil && strings.Contains(fault.Detail(err), "canary") {
			t.Errorf("%s: shows a secret: %s", name, fault.Detail(err))
		}
	}
	c := config(t)
	c.Key, c.Now = nil, nil
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	read[answer](t, post(p, basic("0oa1", password), goodForm), http.StatusOK)
}

func TestLifetime(t *testing.T) {
	c := config(t)
	c.TokenLifetime = 20 * time.Second
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	body := read[answer](t, post(p, basic("0oa1", password), goodForm), http.StatusOK)
	token, err := jwt.Parse(secret.New(body.AccessToken))
	if err != nil {
		t.Fatal(err)
	}
	if expires, err := token.Expires(); err != nil || !expires.Equal(start.Add(20*time.Second)) || body.ExpiresIn != 20 {
		t.Errorf("expires %v in %d s: %v", expires, body.ExpiresIn, err)
	}
}
