package entra

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

func decodeClaims(t testing.TB, token string) map[string]any {
	t.Helper()
	parsed, err := jwt.Parse(secret.New(token))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Claims
}

// administer sends an administrator's call and returns status and answer.
func administer(e *Entra, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, AdminPath+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:50000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	e.Admin().ServeHTTP(answer, r)
	return answer
}

// did sends a command that must work.
func did(t testing.TB, e *Entra, command, body string) Answer {
	t.Helper()
	got := administer(e, http.MethodPost, "/"+command, body)
	var a Answer
	if err := json.Unmarshal(got.Body.Bytes(), &a); err != nil || got.Code != http.StatusOK || a.Done == "" {
		t.Fatalf("%s %s: status %d, %v: %s", command, body, got.Code, err, got.Body)
	}
	return a
}

// TestFromNothingToARole follows what an administrator does for a Kafka cluster
// and its first client, and looks at a token after each step.
func TestFromNothingToARole(t *testing.T) {
	e, s := start(t, func(c *Config) { c.Tenants = []Tenant{{ID: "random"}} })
	id := e.TenantID(0)
	kafka := did(t, e, "create", `{"displayName":"kafka"}`)
	if uri := "api://" + kafka.App.AppID; !reflect.DeepEqual(kafka.App.IdentifierURIs, []string{uri}) || kafka.App.RequestedAccessTokenVersion != nil {
		t.Errorf("registered as %+v", kafka.App)
	}
	did(t, e, "add-role", `{"id":"kafka","value":"dev.environmentAdmin","displayName":"Admin","description":"all","allowedMemberTypes":"Application"}`)
	client := did(t, e, "create", `{"displayName":"client"}`).App
	made := did(t, e, "add-secret", `{"id":"client"}`).Secret
	token := func() map[string]any {
		got := ask(t, s, strings.TrimPrefix(kafka.TokenEndpoint, s.URL), form("grant_type", "client_credentials", "client_id", client.AppID,
			"client_secret", made.Text, "scope", "api://"+kafka.App.AppID+"/.default"))
		parsed := decodeClaims(t, got["access_token"].(string))
		jwks := map[any]string{"1.0": e.JWKSURLV1(id), "2.0": e.JWKSURL(id)}[parsed["ver"]]
		return verified(t, s, jwks, got["access_token"].(string)).Claims
	}
	for _, step := range []struct {
		command, body string
		ver, aud      string
		roles         any
	}{
		{"add-permission", `{"id":"client","api":"kafka","role":"dev.environmentAdmin"}`, "1.0", "api://" + kafka.App.AppID, nil},
		{"set", `{"id":"kafka","requestedAccessTokenVersion":2}`, "2.0", kafka.App.AppID, nil},
		{"grant-consent", `{"id":"client"}`, "2.0", kafka.App.AppID, []any{"dev.environmentAdmin"}},
		{"rotate-keys", `{}`, "2.0", kafka.App.AppID, []any{"dev.environmentAdmin"}},
		{"rotate-keys", `{"step":"remove"}`, "2.0", kafka.App.AppID, []any{"dev.environmentAdmin"}},
	} {
		did(t, e, step.command, step.body)
		claims := token()
		if claims["ver"] != step.ver || claims["aud"] != step.aud || !reflect.DeepEqual(claims["roles"], step.roles) || claims["oid"] != client.ID {
			t.Errorf("after %s: %v", step.command, claims)
		}
	}
	did(t, e, "set", `{"id":"client","accountEnabled":false}`)
	_, got := do(t, s, newRequest(t, http.MethodPost, kafka.TokenEndpoint, form("grant_type", "client_credentials", "client_id", client.AppID,
		"client_secret", made.Text, "scope", "api://"+kafka.App.AppID+"/.default")))
	if !reflect.DeepEqual(got["error_codes"], []any{7000112.0}) {
		t.Errorf("a disabled application: %v", got)
	}
	list := administer(e, http.MethodGet, "", "")
	if list.Code != http.StatusOK || !strings.Contains(list.Body.String(), made.KeyID) || strings.Contains(list.Body.String(), made.Text) {
		t.Errorf("the list: %d %s", list.Code, list.Body)
	}
}

func TestAssign(t *testing.T) {
	e, _ := start(t, nil)
	for _, who := range []string{"machine", ordersID, "3d0e8e52-71c5-4d8e-b0a4-1f2f4a6f9c33", "legacy", strings.ToUpper(publicID)} {
		role := map[bool]string{true: "Kafka.Write", false: "Kafka.Read"}[who != "machine"]
		body := `{"id":"` + who + `","api":"api://kafka","role":"` + role + `"}`
		if who == "3d0e8e52-71c5-4d8e-b0a4-1f2f4a6f9c33" { // the same identity as before
			if got := administer(e, http.MethodPost, "/assign", body); got.Code != http.StatusConflict {
				t.Errorf("assigned twice: %d %s", got.Code, got.Body)
			}
			continue
		}
		did(t, e, "assign", body)
	}
	g, err := e.ManagedIdentityToken(e.TenantID(0), ordersID, "api://kafka")
	if err != nil {
		t.Fatal(err)
	}
	if got := decodeClaims(t, g.Token.Reveal())["roles"]; !reflect.DeepEqual(got, []any{"Kafka.Read", "Kafka.Write"}) {
		t.Errorf("roles %v", got)
	}
}

func TestCommandsThatAreWrongChangeNothing(t *testing.T) {
	e, _ := start(t, nil)
	before := e.first().current.Load()
	for name, tt := range map[string]struct {
		command, body string
		status        int
		want          string
	}{
		"unknown command":        {"erase", `{"id":"kafka"}`, 404, `there is no command \"erase\"`},
		"no JSON":                {"create", `displayName=x`, 400, "expected a JSON object"},
		"unknown member":         {"create", `{"displayName":"x","clientId":"y"}`, 400, "unknown field"},
		"two objects":            {"create", `{"displayName":"x"}{}`, 400, "more follows the object"},
		"null":                   {"create", `null`, 400, "displayName"},
		"too large":              {"create", `{"displayName":"` + strings.Repeat("x", 256<<10) + `"}`, 429, "above 262144 bytes"},
		"long name":              {"create", `{"displayName":"` + strings.Repeat("x", 256) + `"}`, 400, "up to 255"},
		"name for a terminal":    {"create", `{"displayName":"x\u001b[31m"}`, 400, "printable"},
		"name taken":             {"create", `{"displayName":"kafka"}`, 400, "taken"},
		"URI taken":              {"create", `{"displayName":"x","identifierUris":["api://kafka"]}`, 400, "taken"},
		"URI without scheme":     {"create", `{"displayName":"x","identifierUris":["localhost:1"]}`, 400, "needs access token version 2"},
		"URI with a space":       {"create", `{"displayName":"x","identifierUris":["api://x y"]}`, 400, "without spaces"},
		"version 3":              {"create", `{"displayName":"x","requestedAccessTokenVersion":3}`, 400, "expected 1 or 2"},
		"version 1 and its URIs": {"set", `{"id":"kafka","requestedAccessTokenVersion":1}`, 400, "needs access token version 2"},
		"nothing set":            {"set", `{"id":"kafka"}`, 400, "nothing is set"},
		"set nobody":             {"set", `{"id":"","accountEnabled":true}`, 404, "there is no application"},
		"role twice":             {"add-role", `{"id":"kafka","value":"Kafka.Read"}`, 409, "already"},
		"role with a space":      {"add-role", `{"id":"kafka","value":"Kafka Read"}`, 400, "without spaces"},
		"role of groups":         {"add-role", `{"id":"kafka","value":"x","allowedMemberTypes":"Group"}`, 400, "expected Application or User"},
		"role of nobody":         {"add-role", `{"id":"x","value":"x"}`, 404, "there is no application"},
		"secret of a public one": {"add-secret", `{"id":"public"}`, 400, "has no secret"},
		"secret of an identity":  {"add-secret", `{"id":"orders"}`, 404, "there is no application"},
		"permission twice":       {"add-permission", `{"id":"billing","api":"kafka","role":"Kafka.Write"}`, 409, "already"},
		"role in other case":     {"add-permission", `{"id":"billing","api":"kafka","role":"kafka.write"}`, 404, "case counts"},
		"permission at nobody":   {"add-permission", `{"id":"billing","api":"x","role":"x"}`, 404, "api: there is no application"},
		"permission of nobody":   {"add-permission", `{"id":"x","api":"kafka","role":"Kafka.Write"}`, 404, "id: there is no application"},
		"consent to nothing":     {"grant-consent", `{"id":"kafka"}`, 400, "asks for no permission"},
		"consent for nobody":     {"grant-consent", `{"id":"x"}`, 404, "there is no application"},
		"assign nobody":          {"assign", `{"id":"","api":"kafka","role":"Kafka.Read"}`, 404, "there is no application"},
		"unassign nothing":       {"unassign", `{"id":"orders","api":"kafka","role":"Kafka.Write"}`, 404, "was not assigned"},
		"delete nobody":          {"delete", `{"id":""}`, 404, "there is no application"},
		"delete an identity":     {"delete", `{"id":"orders"}`, 404, "there is no application"},
		"role that is assigned":  {"remove-role", `{"id":"kafka","value":"Kafka.Read"}`, 400, "there is no application"},
		"remove no role":         {"remove-role", `{"id":"kafka","value":"x"}`, 404, "has no app role"},
		"remove no permission":   {"remove-permission", `{"id":"billing","api":"legacy","role":"Legacy.Use"}`, 404, "does not ask"},
		"revoke nothing":         {"revoke-consent", `{"id":"kafka"}`, 400, "asks for no permission"},
		"remove no secret":       {"remove-secret", `{"id":"billing","keyId":"x"}`, 404, "expected a keyId"},
		"remove no certificate":  {"remove-certificate", `{"id":"billing","keyId":""}`, 404, "expected a keyId"},
		"remove no federation":   {"remove-federated-credential", `{"id":"billing","name":"x"}`, 404, "has no federated credential"},
		"secret ends some day":   {"add-secret", `{"id":"billing","endDateTime":"tomorrow"}`, 400, "expected a JSON object"},
		"certificate is text":    {"add-certificate", `{"id":"billing","certificate":"x"}`, 400, "begin with the PEM"},
		"certificate of nobody":  {"add-certificate", `{"id":"orders","certificate":"x"}`, 404, "there is no application"},
		"federated without name": {"add-federated-credential", `{"id":"orders","name":"","issuer":"https://x.example","subject":"x"}`, 400, "3 to 120 letters"},
		"issuer over http":       {"add-federated-credential", `{"id":"orders","name":"one","issuer":"http://x.example","subject":"x"}`, 400, "expected https"},
		"issuer with a query":    {"add-federated-credential", `{"id":"orders","name":"one","issuer":"https://x.example/?a=b","subject":"x"}`, 400, "expected https"},
		"no subject":             {"add-federated-credential", `{"id":"orders","name":"one","issuer":"https://x.example","subject":""}`, 400, "printable"},
		"subject and a newline":  {"add-federated-credential", `{"id":"orders","name":"one","issuer":"https://x.example","subject":"x\n"}`, 400, "printable"},
		"system-assigned":        {"add-federated-credential", `{"id":"machine","name":"one","issuer":"https://x.example","subject":"x"}`, 400, "user-assigned"},
		"public client":          {"add-federated-credential", `{"id":"public","name":"one","issuer":"https://x.example","subject":"x"}`, 400, "no credentials"},
		"groups of a kind":       {"set", `{"id":"kafka","groupMembershipClaims":"Some"}`, 400, "expected SecurityGroup, All or None"},
		"group without name":     {"groups/create", `{"displayName":""}`, 400, "printable"},
		"group of nobody":        {"groups/add-member", `{"id":"x","member":"orders"}`, 404, "there is no group"},
		"delete no group":        {"groups/delete", `{"id":""}`, 404, "there is no group"},
		"unknown group command":  {"groups/set", `{"id":"x"}`, 404, "there is no command"},
		"assign no role":         {"assign", `{"id":"orders","api":"kafka","role":"x"}`, 404, "has no app role"},
		"rotation":               {"rotate-keys", `{"step":"back"}`, 400, "expected publish, sign or remove"},
		"remove too early":       {"rotate-keys", `{"step":"remove"}`, 409, "sign with a new one first"},
		"rotation of what":       {"rotate-keys", `{"id":"kafka"}`, 400, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			got := administer(e, http.MethodPost, "/"+tt.command, tt.body)
			if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.want) {
				t.Errorf("status %d: %s", got.Code, got.Body)
			}
			if e.first().current.Load() != before {
				t.Error("the tenant changed")
			}
		})
	}
}

// TestAdministratorIsOnThisMachine: nobody else reads or changes the directory,
// and no page that a browser on this machine shows.
func TestAdministratorIsOnThisMachine(t *testing.T) {
	e, _ := start(t, nil)
	before := e.first().current.Load()
	for name, header := range map[string][]string{
		"browser": {"Origin", "http://127.0.0.1:9480"}, "browser's sandbox": {"Origin", "null"}, "proxy": {"X-Forwarded-For", "127.0.0.1"},
	} {
		for _, call := range [][3]string{{"GET", "", ""}, {"POST", "/create", `{"displayName":"x"}`}, {"POST", "/rotate-keys", `{}`}, {"POST", "/nothing", `{}`}} {
			if got := administer(e, call[0], call[1], call[2], header...); got.Code != http.StatusForbidden {
				t.Errorf("%s: %v: status %d", name, call, got.Code)
			}
		}
	}
	for _, from := range []string{"192.0.2.1:50000", "[2001:db8::1]:50000", "10.0.0.1:50000", "", "@", "localhost:1"} {
		r := httptest.NewRequest(http.MethodPost, AdminPath+"/create", strings.NewReader(`{"displayName":"x"}`))
		r.RemoteAddr = from
		answer := httptest.NewRecorder()
		e.Admin().ServeHTTP(answer, r)
		if answer.Code != http.StatusForbidden {
			t.Errorf("%q: status %d", from, answer.Code)
		}
	}
	if e.first().current.Load() != before {
		t.Error("the tenant changed")
	}
	for _, call := range [][2]string{{"DELETE", ""}, {"GET", "/create"}, {"PUT", "/set"}} {
		if got := administer(e, call[0], call[1], `{}`); got.Code != http.StatusMethodNotAllowed {
			t.Errorf("%v: status %d", call, got.Code)
		}
	}
}

func FuzzCommand(f *testing.F) {
	all := maps.Clone(commands)
	for name, run := range groupCommands {
		all["groups/"+name] = run
	}
	for _, body := range []string{
		`{"displayName":"x","identifierUris":["api://x"],"requestedAccessTokenVersion":2}`, `{"id":"kafka","accountEnabled":false}`,
		`{"id":"kafka","value":"R","allowedMemberTypes":"User"}`, `{"id":"billing","api":"kafka","role":"Kafka.Read"}`, `{"id":"billing"}`, `[]`, `{`, ``,
		`{"id":"orders","name":"one","issuer":"https://x.example","subject":"x","audience":"y"}`, `{"id":"billing","endDateTime":"2026-03-04T05:06:07Z"}`,
		`{"id":"people","member":"billing"}`, `{"id":"billing","keyId":"two"}`,
	} {
		for name := range all {
			f.Add(name, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		config := testTenant()
		compiled, err := compile(config)
		if err != nil {
			t.Fatal(err)
		}
		run, ok := all[name]
		if !ok {
			return
		}
		d := newDirectory(compiled)
		err = d.update(func(t *Tenant) error { _, err := run(t, body); return err })
		if (err != nil) != (d.current.Load() == compiled) {
			t.Errorf("error %v, changed %v", err, d.current.Load() != compiled)
		}
		if _, err := compile(d.current.Load().config); err != nil {
			t.Errorf("what was accepted does not compile: %v", err)
		}
	})
}
