package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// administered is a host with servers of all shapes.
func administered(t testing.TB) *oidc.Host {
	t.Helper()
	host := &oidc.Host{}
	c := config(t)
	c.Name = "okta"
	c.Shape, c.Server, c.Audience, c.Scopes = oidc.Okta, "default", "api://kafka", []string{"my-scope"}
	configs := []oidc.Config{c}
	for name, v := range vendors(t) {
		v.config.Name = strings.ToLower(name)
		configs = append(configs, v.config)
	}
	k := c
	k.Name, k.Shape, k.Server, k.Scopes, k.Clients = "kubernetes", oidc.Kubernetes, "cluster-1", nil, []oidc.Client{{ID: "orders/producer"}}
	for _, c := range append(configs, k) {
		p, err := oidc.New(c)
		if err == nil {
			err = host.Add(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return host
}

func administer(host *oidc.Host, method, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, oidc.AdminPath+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	host.Admin().ServeHTTP(w, r)
	return w
}

func listed(t *testing.T, host *oidc.Host) map[string]oidc.Server {
	t.Helper()
	servers := map[string]oidc.Server{}
	for _, s := range read[oidc.Answer](t, administer(host, "GET", "", "", nil), http.StatusOK).Servers {
		servers[s.Name] = s
	}
	return servers
}

func TestAdminClients(t *testing.T) {
	host := administered(t)
	added := read[oidc.Answer](t, administer(host, "POST", "/add-client", `{"server":"okta","client_id":"new","token_endpoint_auth_method":"client_secret_post"}`, nil), http.StatusOK)
	if added.Secret == "" || len(added.Server.Clients) != 4 {
		t.Fatalf("%+v", added)
	}
	posted := goodForm + "&client_id=new&client_secret=" + added.Secret
	read[answer](t, post(host, "", posted), http.StatusOK)
	if w := post(host, basic("new", added.Secret), goodForm); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "Client authentication failed.") {
		t.Errorf("the other method: %d %s", w.Code, w.Body)
	}
	if w := post(host, "", strings.Replace(posted, added.Secret, "wrong", 1)); !strings.Contains(w.Body.String(), "The client secret supplied") {
		t.Errorf("a wrong secret: %s", w.Body)
	}
	read[oidc.Answer](t, administer(host, "POST", "/set-client", `{"server":"okta","client_id":"new","enabled":false}`, nil), http.StatusOK)
	if w := post(host, "", posted); w.Code != http.StatusUnauthorized {
		t.Errorf("disabled: %d", w.Code)
	}
	if w := administer(host, "POST", "/token", `{"server":"okta","client_id":"new"}`, nil); w.Code != http.StatusConflict {
		t.Errorf("a token of a disabled client: %d %s", w.Code, w.Body)
	}
	read[oidc.Answer](t, administer(host, "POST", "/set-client", `{"server":"okta","client_id":"new","enabled":true}`, nil), http.StatusOK)
	read[answer](t, post(host, "", posted), http.StatusOK)
	read[oidc.Answer](t, administer(host, "POST", "/remove-client", `{"server":"okta","client_id":"new"}`, nil), http.StatusOK)
	if w := post(host, "", posted); w.Code != http.StatusUnauthorized || len(listed(t, host)["okta"].Clients) != 3 {
		t.Errorf("removed: %d", w.Code)
	}
	read[oidc.Answer](t, administer(host, "POST", "/set-client", `{"server":"keycloak","client_id":"App","roles":["a","b"]}`, nil), http.StatusOK)
	if got := listed(t, host)["keycloak"].Clients[0].Roles; len(got) != 2 {
		t.Errorf("roles %v", got)
	}
	shown := administer(host, "GET", "", "", nil).Body.String()
	if strings.Contains(shown, added.Secret) || strings.Contains(shown, "canary") {
		t.Error("a secret is shown again")
	}
}

// TestAdminRefuses: what is refused changes nothing.
func TestAdminRefuses(t *testing.T) {
	good := `{"server":"okta","client_id":"new"}`
	origin := func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9481") }
	elsewhere := func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1" }
	proxy := func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		status             int
	}{
		"a browser":                {"POST", "/add-client", good, origin, 403},
		"another machine":          {"POST", "/add-client", good, elsewhere, 403},
		"a proxy":                  {"POST", "/add-client", good, proxy, 403},
		"a token for a browser":    {"POST", "/token", `{"server":"okta","client_id":"0oa1"}`, origin, 403},
		"a token for elsewhere":    {"POST", "/token", `{"server":"okta","client_id":"0oa1"}`, elsewhere, 403},
		"a list for elsewhere":     {"GET", "", "", elsewhere, 403},
		"a list through a proxy":   {"GET", "/issued", "", proxy, 403},
		"GET of a command":         {"GET", "/add-client", good, nil, 405},
		"POST of the list":         {"POST", "", good, nil, 405},
		"POST of issued":           {"POST", "/issued", good, nil, 404},
		"no command":               {"POST", "/nonsense", good, nil, 404},
		"no server":                {"POST", "/add-client", `{"client_id":"new"}`, nil, 404},
		"no client":                {"POST", "/add-client", `{"server":"okta"}`, nil, 400},
		"no such client":           {"POST", "/remove-client", good, nil, 404},
		"a client that is there":   {"POST", "/add-client", `{"server":"okta","client_id":"0oa1"}`, nil, 409},
		"a colon":                  {"POST", "/add-client", `{"server":"okta","client_id":"a:b"}`, nil, 400},
		"a line break":             {"POST", "/add-client", `{"server":"okta","client_id":"a\nb"}`, nil, 400},
		"a secret of one's own":    {"POST", "/add-client", `{"server":"okta","client_id":"new","client_secret":"x"}`, nil, 400},
		"roles at Okta":            {"POST", "/add-client", `{"server":"okta","client_id":"new","roles":["x"]}`, nil, 400},
		"an empty role":            {"POST", "/set-client", `{"server":"keycloak","client_id":"App","roles":[""]}`, nil, 400},
		"a method at Cognito":      {"POST", "/add-client", `{"server":"cognito","client_id":"new","token_endpoint_auth_method":"client_secret_post"}`, nil, 400},
		"no method":                {"POST", "/add-client", `{"server":"okta","client_id":"new","token_endpoint_auth_method":"none"}`, nil, 400},
		"a step of another":        {"POST", "/add-client", `{"server":"okta","client_id":"new","step":"sign"}`, nil, 400},
		"nothing to set":           {"POST", "/set-client", `{"server":"okta","client_id":"0oa1"}`, nil, 400},
		"no step":                  {"POST", "/rotate-keys", `{"server":"okta","step":"begin"}`, nil, 400},
		"nothing to remove":        {"POST", "/rotate-keys", `{"server":"okta","step":"remove"}`, nil, 409},
		"a token of nobody":        {"POST", "/token", `{"server":"okta","client_id":"nobody"}`, nil, 404},
		"an audience at Okta":      {"POST", "/token", `{"server":"okta","client_id":"0oa1","audience":["x"]}`, nil, 400},
		"an empty audience":        {"POST", "/token", `{"server":"kubernetes","client_id":"orders/producer","audience":[""]}`, nil, 400},
		"an account without space": {"POST", "/add-client", `{"server":"kubernetes","client_id":"producer"}`, nil, 400},
		"an account in capitals":   {"POST", "/add-client", `{"server":"kubernetes","client_id":"Orders/producer"}`, nil, 400},
		"no JSON":                  {"POST", "/add-client", "server=okta", nil, 400},
		"null":                     {"POST", "/add-client", "null", nil, 404},
		"too large":                {"POST", "/add-client", `{"server":"` + strings.Repeat("x", 300<<10) + `"}`, nil, 429},
	} {
		t.Run(name, func(t *testing.T) {
			host := administered(t)
			before := text(t, listed(t, host))
			w := administer(host, c.method, c.path, c.body, c.change)
			if w.Code != c.status || c.status != 405 && !strings.Contains(w.Body.String(), `{"error":"`) {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			if issued := read[oidc.Answer](t, administer(host, "GET", "/issued", "", nil), http.StatusOK).Issued; text(t, listed(t, host)) != before || len(issued) != 0 {
				t.Errorf("something has changed, or a token was issued: %v", issued)
			}
		})
	}
}

// TestRotation: at each step the key set is what verifiers should see, and no
// other server's changes.
func TestRotation(t *testing.T) {
	key := func() *jwt.SigningKey {
		t.Helper()
		k, err := jwt.GenerateRSA(2048)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	second, third := key(), key()
	names := map[string]string{first.Kid: "1", second.Kid: "2", third.Kid: "3"}
	p, other := newProvider(t), newProvider(t)
	see := func(p *oidc.Provider) string {
		t.Helper()
		set := read[struct{ Keys []struct{ Kid string } }](t, get(p, "/oauth2/default/v1/keys"), http.StatusOK)
		state := ""
		for _, k := range set.Keys {
			state += names[k.Kid]
		}
		token, err := jwt.Parse(secret.New(read[answer](t, post(p, basic("0oa1", password), goodForm), http.StatusOK).AccessToken))
		if err != nil {
			t.Fatal(err)
		}
		return state + " signs " + names[token.Kid]
	}
	for i, c := range []struct {
		step func() error
		ok   bool
		want string
	}{
		{p.RemoveOldKey, false, "1 signs 1"},
		{func() error { return p.PublishKey(second) }, true, "12 signs 1"},
		{p.RemoveOldKey, false, "12 signs 1"},
		{p.SignWithNewKey, true, "12 signs 2"},
		{p.SignWithNewKey, false, "12 signs 2"},
		{p.RemoveOldKey, true, "2 signs 2"},
		{func() error { return p.SignWithUnpublishedKey(third) }, true, "2 signs 3"},
		{func() error { return p.SignWithUnpublishedKey(nil) }, false, "2 signs 3"},
		{p.SignWithNewKey, false, "2 signs 3"},
		{p.RemoveOldKey, false, "2 signs 3"},
		{func() error { return p.PublishKey(first) }, true, "23 signs 3"},
		{p.RemoveOldKey, true, "3 signs 3"},
	} {
		if err := c.step(); (err == nil) != c.ok {
			t.Errorf("step %d: %v", i, err)
		}
		if got := see(p); got != c.want {
			t.Errorf("after step %d: %s, want %s", i, got, c.want)
		}
	}
	host := administered(t)
	for i, c := range []struct {
		step   string
		status int
	}{{"sign", 200}, {"", 409}, {"sign", 409}, {"remove", 409}, {"publish", 200}, {"", 200}, {"remove", 200}, {"remove", 409}} {
		if w := administer(host, "POST", "/rotate-keys", `{"server":"okta","step":"`+c.step+`"}`, nil); w.Code != c.status {
			t.Errorf("call %d, step %q: %d %s", i, c.step, w.Code, w.Body)
		}
	}
	if got := listed(t, host)["okta"].Keys; len(got) != 1 || !got[0].Published || !got[0].Signs {
		t.Errorf("after all calls: %+v", got)
	}
	if got := see(other); got != "1 signs 1" {
		t.Errorf("the other server: %s", got)
	}
}

func TestKubernetes(t *testing.T) {
	host := administered(t)
	made := read[oidc.Answer](t, administer(host, "POST", "/token", `{"server":"kubernetes","client_id":"orders/producer","audience":["api://AzureADTokenExchange"]}`, nil), http.StatusOK)
	token := verified(t, host, "/cluster-1/openid/v1/jwks", made.Token)
	delete(token.Claims, "jti")
	want := `{"aud":["api://AzureADTokenExchange"],"exp":1767326645,"iat":1767323045,"iss":"https://127.0.0.1:8444/cluster-1",
		"kubernetes.io":{"namespace":"orders","node":{"name":"node-1","uid":""},
		"pod":{"name":"producer-0","uid":""},"serviceaccount":{"name":"producer","uid":""}},
		"nbf":1767323045,"sub":"system:serviceaccount:orders:producer"}`
	for _, part := range []string{"node", "pod", "serviceaccount"} {
		inner := token.Claims["kubernetes.io"].(map[string]any)[part].(map[string]any)
		if uid, _ := inner["uid"].(string); len(uid) != 36 {
			t.Errorf("%s has the uid %q", part, uid)
		}
		inner["uid"] = ""
	}
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if got := text(t, token.Claims); got != text(t, wanted) || token.Typ != "" {
		t.Errorf("%s, want %s", got, text(t, wanted))
	}
	document := read[map[string]any](t, get(host, "/cluster-1/.well-known/openid-configuration"), http.StatusOK)
	if document["issuer"] != base+"/cluster-1" || document["jwks_uri"] != base+"/cluster-1/openid/v1/jwks" || document["token_endpoint"] != nil || document["grant_types_supported"] != nil {
		t.Errorf("discovery %v", document)
	}
	for path, status := range map[string]int{"/cluster-1/token": 404, "/cluster-1/openid/v1/jwks": 405} {
		w := httptest.NewRecorder()
		host.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if body := read[map[string]any](t, w, status); body["kind"] != "Status" || body["code"] != float64(status) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	for name, spoil := range map[string]func(*oidc.Config){
		"a secret":    func(c *oidc.Config) { c.Clients = []oidc.Client{{ID: "a/b", Secret: secret.New("x")}} },
		"an id":       func(c *oidc.Config) { c.Clients = []oidc.Client{{ID: "a"}} },
		"a scope":     func(c *oidc.Config) { c.Scopes = []string{"x"} },
		"no audience": func(c *oidc.Config) { c.Audience = "" },
	} {
		c := config(t)
		c.Shape, c.Server, c.Scopes, c.Clients = oidc.Kubernetes, "cluster-1", nil, []oidc.Client{{ID: "a/b"}}
		if _, err := oidc.New(c); err != nil {
			t.Fatal(err)
		}
		spoil(&c)
		if _, err := oidc.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestMethodsByVendor: a client that is limited to one way of sending its secret
// is refused the other in the vendor's words.
func TestMethodsByVendor(t *testing.T) {
	const form = "grant_type=client_credentials"
	for name, want := range map[string]string{
		"Cloudentity": `{"error":"invalid_client","error_description":"Client authentication failed."}`,
		"Keycloak":    `{"error":"unauthorized_client","error_description":"Invalid client or Invalid client credentials"}`,
	} {
		for _, method := range []string{httpd.SecretBasic, httpd.SecretPost} {
			v := vendors(t)[name]
			v.config.Clients[0].Method, v.config.Clients[0].Secret = method, secret.New("plain")
			p, id := v.open(t), v.config.Clients[0].ID
			answers := map[string]*httptest.ResponseRecorder{
				httpd.SecretBasic: v.ask(p, basic(id, "plain"), form), httpd.SecretPost: v.ask(p, "", form+"&client_id="+id+"&client_secret=plain"),
			}
			for sent, w := range answers {
				if sent == method && w.Code != http.StatusOK || sent != method && (w.Code != http.StatusUnauthorized || w.Body.String() != want) {
					t.Errorf("%s, limited to %s, sent by %s: %d %s", name, method, sent, w.Code, w.Body)
				}
			}
		}
	}
}

func FuzzAdmin(f *testing.F) {
	for _, seed := range [][2]string{
		{"add-client", `{"server":"okta","client_id":"new","token_endpoint_auth_method":"client_secret_basic"}`}, {"add-client", `{"server":"kubernetes","client_id":"a/b"}`},
		{"set-client", `{"server":"keycloak","client_id":"App","enabled":false,"roles":["x"]}`}, {"remove-client", `{"server":"okta","client_id":"0oa1"}`},
		{"rotate-keys", `{"server":"okta","step":"remove"}`}, {"token", `{"server":"kubernetes","client_id":"orders/producer","audience":["x"]}`},
		{"token", `{"server":"okta","client_id":"0oaOff"}`}, {"", "{}"}, {"issued", "null"}, {"x", "[]"}, {"token", "\xff"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, body string) {
		if name == "rotate-keys" && !strings.Contains(body, "remove") {
			return // a new key takes its time
		}
		host := administered(t)
		before := text(t, listed(t, host))
		r := httptest.NewRequest("POST", oidc.AdminPath, strings.NewReader(body))
		r.URL.Path += "/" + name
		r.RemoteAddr = "[::1]:1"
		w := httptest.NewRecorder()
		host.Admin().ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			return
		}
		if w.Code >= 500 || text(t, listed(t, host)) != before {
			t.Fatalf("%s %q: %d %s", name, body, w.Code, w.Body)
		}
	})
}
