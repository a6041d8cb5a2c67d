package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

const base = "https://127.0.0.1:8444"

// vendor is a server of one shape, with what its tokens say of a client that
// asked for no scope.
type vendor struct {
	config oidc.Config
	issuer string // below base, as the next three are
	token  string
	keys   string
	found  string // discovery document
	typ    string
	scope  string // of the answer
	claims string // without jti, which is random
}

// vendors are the shapes that want no scope.
func vendors(t testing.TB) map[string]vendor {
	all := map[string]vendor{
		"Cloudentity": {
			config: oidc.Config{Shape: oidc.Cloudentity, Server: "acme/default", Audience: "api://kafka", Scopes: []string{"produce"}, Clients: []oidc.Client{{ID: "app"}}},
			issuer: "/acme/default", token: "/acme/default/oauth2/token",
			keys: "/acme/default/.well-known/jwks.json", found: "/acme/default/.well-known/openid-configuration",
			claims: `{"aid":"default","aud":["app","api://kafka"],"exp":1767326645,"iat":1767323045,"iss":"https://127.0.0.1:8444/acme/default",
				"nbf":1767323045,"scp":[],"sub":"app","tid":"acme"}`,
		},
		"Cognito": {
			config: oidc.Config{Shape: oidc.Cognito, Server: "eu-west-1_Ab1", Scopes: []string{"kafka/read", "kafka/write"}, Clients: []oidc.Client{{ID: "app", Roles: []string{"writers"}}}},
			issuer: "/eu-west-1_Ab1", token: "/oauth2/token",
			keys: "/eu-west-1_Ab1/.well-known/jwks.json", found: "/eu-west-1_Ab1/.well-known/openid-configuration",
			scope: "kafka/read kafka/write",
			claims: `{"auth_time":1767323045,"client_id":"app","cognito:groups":["writers"],"exp":1767326645,"iat":1767323045,
				"iss":"https://127.0.0.1:8444/eu-west-1_Ab1","scope":"kafka/read kafka/write","sub":"app","token_use":"access","version":2}`,
		},
		"Keycloak": {
			config: oidc.Config{Shape: oidc.Keycloak, Server: "Main", Audience: "account", Scopes: []string{"profile", "email"}, Clients: []oidc.Client{{ID: "App", Roles: []string{"writer"}}}},
			issuer: "/realms/Main", token: "/realms/Main/protocol/openid-connect/token",
			keys: "/realms/Main/protocol/openid-connect/certs", found: "/realms/Main/.well-known/openid-configuration",
			typ: "JWT", scope: "profile email",
			claims: `{"acr":"1","aud":"account","azp":"App","client_id":"App","email_verified":false,"exp":1767326645,"iat":1767323045,
				"iss":"https://127.0.0.1:8444/realms/Main","preferred_username":"service-account-app",
				"realm_access":{"roles":["default-roles-main","offline_access","uma_authorization","writer"]},
				"resource_access":{"account":{"roles":["manage-account","manage-account-links","view-profile"]}},
				"scope":"profile email","sub":"04a282e9-7644-4c66-be5e-e9b241f090c8","typ":"Bearer"}`,
		},
	}
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range all {
		v.config.Clients[0].Secret = secret.New(password)
		v.config.Clients = append(v.config.Clients, oidc.Client{ID: "off", Secret: secret.New(password), Disabled: true})
		v.config.BaseURL, v.config.Now, v.config.Key = base, func() time.Time { return start }, key
		all[name] = v
	}
	return all
}

func (v vendor) open(t testing.TB) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(v.config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask posts to the vendor's token endpoint.
func (v vendor) ask(p http.Handler, auth, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, v.token, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

// verified is a token whose signature the key set at path verifies.
func verified(t *testing.T, p http.Handler, path, text string) *jwt.Token {
	t.Helper()
	keys, err := jwt.ParseSet(get(p, path).Body.Bytes())
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	token, err := jwt.Parse(secret.New(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Verify(keys[0]); err != nil || token.Kid != keys[0].ID {
		t.Errorf("kid %q: %v", token.Kid, err)
	}
	return token
}

func TestVendors(t *testing.T) {
	const form = "grant_type=client_credentials"
	for name, v := range vendors(t) {
		t.Run(name, func(t *testing.T) {
			p := v.open(t)
			id := v.config.Clients[0].ID
			posted := form + "&client_id=" + id + "&client_secret=" + url.QueryEscape(password)
			for _, w := range []*httptest.ResponseRecorder{v.ask(p, basic(id, password), form), v.ask(p, "", posted), v.ask(p, basic(id, password), form+"&client_id="+id)} {
				body := read[answer](t, w, http.StatusOK)
				token := verified(t, p, v.keys, body.AccessToken)
				if body.Scope != v.scope || body.ExpiresIn != 3600 || token.Typ != v.typ || len(token.Text("jti")) != 36 {
					t.Errorf("scope %q, expires in %d, typ %q, jti %q", body.Scope, body.ExpiresIn, token.Typ, token.Text("jti"))
				}
				delete(token.Claims, "jti")
				var want any
				if err := json.Unmarshal([]byte(v.claims), &want); err != nil {
					t.Fatal(err)
				}
				if got, want := text(t, token.Claims), text(t, want); got != want {
					t.Errorf("claims\n%s, want\n%s", got, want)
				}
			}
			document := read[map[string]any](t, get(p, v.found), http.StatusOK)
			if document["issuer"] != base+v.issuer || document["token_endpoint"] != base+v.token || document["jwks_uri"] != base+v.keys {
				t.Errorf("discovery %v", document)
			}
			if issued := p.Issued(); len(issued) != 3 || issued[0].Client != id || (len(issued[0].Audience) == 0) != (name == "Cognito") {
				t.Errorf("issued %+v", issued)
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestScopesAskedFor(t *testing.T) {
	for name, want := range map[string]string{"Cloudentity": `["produce"]`, "Cognito": `"kafka/write"`, "Keycloak": `"email"`} {
		v := vendors(t)[name]
		p := v.open(t)
		scope := strings.Trim(want, `["]`)
		body := read[answer](t, v.ask(p, basic(v.config.Clients[0].ID, password), "grant_type=client_credentials&scope="+scope), http.StatusOK)
		claims := verified(t, p, v.keys, body.AccessToken).Claims
		claim := claims["scope"]
		if name == "Cloudentity" {
			claim = claims["scp"]
		}
		if body.Scope != scope || text(t, claim) != want {
			t.Errorf("%s: scope %q, claim %v", name, body.Scope, claim)
		}
	}
}

// An audience of its own stands beside the one that every account has.
func TestKeycloakAudiences(t *testing.T) {
	v := vendors(t)["Keycloak"]
	v.config.Audience = "kafka"
	p := v.open(t)
	body := read[answer](t, v.ask(p, basic("App", password), "grant_type=client_credentials"), http.StatusOK)
	if got := text(t, verified(t, p, v.keys, body.AccessToken).Claims["aud"]); got != `["kafka","account"]` {
		t.Errorf("aud %s", got)
	}
	if got := p.Issued()[0].Audience; !slices.Equal(got, []string{"kafka", "account"}) {
		t.Errorf("issued for %v", got)
	}
}

func TestVendorsRefuse(t *testing.T) {
	const form = "grant_type=client_credentials"
	for _, c := range []struct {
		name, id, secret, form string
		status                 map[string]int // 400 when absent
		code                   map[string]string
	}{
		{"wrong secret", "", "x", form, challenged, map[string]string{"Cloudentity": "invalid_client", "Cognito": "invalid_client", "Keycloak": "unauthorized_client"}},
		{"unknown client", "nobody", password, form, challenged, same("invalid_client")},
		{"disabled client", "off", password, form, challenged, same("invalid_client")},
		{"two ways", "", password, form + "&client_secret=" + url.QueryEscape(password), map[string]int{"Keycloak": 401}, map[string]string{"Cloudentity": "invalid_request", "Cognito": "invalid_request", "Keycloak": "invalid_client"}},
		{"no grant type", "", password, "", nil, same("invalid_request")},
		{"another grant", "", password, "grant_type=password", nil, same("unsupported_grant_type")},
		{"unknown scope", "", password, form + "&scope=admin", nil, same("invalid_scope")},
		{"scope twice", "", password, form + "&scope=a&scope=b", nil, same("invalid_request")},
	} {
		for name, v := range vendors(t) {
			p := v.open(t)
			id, status := c.id, c.status[name]
			if id == "" {
				id = v.config.Clients[0].ID
			}
			if status == 0 {
				status = http.StatusBadRequest
			}
			w := v.ask(p, basic(id, c.secret), c.form)
			body := read[map[string]any](t, w, status)
			_, described := body["error_description"]
			if body["error"] != c.code[name] || described == (name == "Cognito") || (w.Header().Get("WWW-Authenticate") != "") != (status == 401) {
				t.Errorf("%s, %s: %s, %v", name, c.name, w.Body, w.Header())
			}
			if strings.Contains(w.Body.String(), "canary") || len(p.Issued()) != 0 {
				t.Errorf("%s, %s: shows a secret or issued a token", name, c.name)
			}
		}
	}
}

// TestVendorsRefuseWhatIsNoForm in their words.
func TestVendorsRefuseWhatIsNoForm(t *testing.T) {
	for name, want := range map[string]struct {
		status int
		body   string
	}{
		"Cloudentity": {400, `{"error":"invalid_request","error_description":"The request body is no form."}`},
		"Cognito":     {400, `{"error":"invalid_request"}`},
		"Keycloak":    {415, `{"error":"HTTP 415 Unsupported Media Type"}`},
	} {
		v := vendors(t)[name]
		r := httptest.NewRequest(http.MethodPost, v.token, strings.NewReader(`{"grant_type":"client_credentials"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", basic(v.config.Clients[0].ID, password))
		w := httptest.NewRecorder()
		v.open(t).ServeHTTP(w, r)
		if w.Code != want.status || w.Body.String() != want.body {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// challenged is the status of a client that did not prove itself.
var challenged = map[string]int{"Cloudentity": 401, "Keycloak": 401}

func same(code string) map[string]string {
	return map[string]string{"Cloudentity": code, "Cognito": code, "Keycloak": code}
}

func TestVendorsNew(t *testing.T) {
	for what, c := range map[string]struct {
		vendor string
		spoil  func(*oidc.Config)
	}{
		"workspace without tenant": {"Cloudentity", func(c *oidc.Config) { c.Server = "default" }},
		"tenant alone":             {"Cloudentity", func(c *oidc.Config) { c.Server = "acme/" }},
		"three parts":              {"Cloudentity", func(c *oidc.Config) { c.Server = "a/b/c" }},
		"realm of two parts":       {"Keycloak", func(c *oidc.Config) { c.Server = "a/b" }},
		"no audience":              {"Keycloak", func(c *oidc.Config) { c.Audience = "" }},
		"audience":                 {"Cognito", func(c *oidc.Config) { c.Audience = "kafka" }},
		"roles":                    {"Cloudentity", func(c *oidc.Config) { c.Clients[0].Roles = []string{"writer"} }},
	} {
		v := vendors(t)[c.vendor]
		c.spoil(&v.config)
		if _, err := oidc.New(v.config); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s, %s: got %v, want Invalid", c.vendor, what, err)
		}
	}
}

// TestFaults: what a fault says is wrong with the next token is, and no more.
func TestFaults(t *testing.T) {
	for name, v := range vendors(t) {
		p := v.open(t)
		faults := &httpd.Faults{Tokens: true}
		h := faults.Wrap(p)
		ask := func() string {
			t.Helper()
			return read[answer](t, v.ask(h, basic(v.config.Clients[0].ID, password), "grant_type=client_credentials"), http.StatusOK).AccessToken
		}
		set := func(f httpd.TokenFault, times int) {
			t.Helper()
			if err := faults.Set(httpd.Fault{Token: f, Times: times}); err != nil {
				t.Fatal(err)
			}
		}
		set(httpd.TokenFault{Opaque: true}, 2)
		get(h, v.keys) // issues none, and does not count
		v.ask(h, basic(v.config.Clients[0].ID, "wrong"), "grant_type=client_credentials")
		if opaque := ask(); strings.Contains(opaque, ".") || len(opaque) < 40 || opaque == ask() {
			t.Errorf("%s: an opaque token is %q", name, opaque)
		}
		verified(t, p, v.keys, ask())
		for _, ahead := range []time.Duration{10 * time.Minute, -2 * time.Hour} {
			set(httpd.TokenFault{Clock: ahead}, 1)
			for _, ahead := range []time.Duration{ahead, 0} {
				token := verified(t, p, v.keys, ask())
				expires, err := token.Expires()
				if err != nil || token.Claims["iat"] != start.Add(ahead).Unix() || !expires.Equal(start.Add(ahead+time.Hour)) {
					t.Errorf("%s, %s ahead: iat %v, exp %v, %v", name, ahead, token.Claims["iat"], expires, err)
				}
			}
		}
		if issued := p.Issued(); len(issued) != 7 || !issued[3].IssuedAt.Equal(start.Add(10*time.Minute)) {
			t.Errorf("%s: issued %+v", name, issued)
		}
	}
}
