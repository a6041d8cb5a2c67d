package entra

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/secret"
)

func ask(t testing.TB, s *httptest.Server, path, body string, header ...string) map[string]any {
	t.Helper()
	resp, got := do(t, s, newRequest(t, http.MethodPost, s.URL+path, body, header...))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, answer %v", resp.StatusCode, got)
	}
	if got := resp.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control %q", got)
	}
	return got
}

func credentials(more ...string) string {
	return form(append([]string{"grant_type", "client_credentials", "client_id", billingID, "client_secret", canary}, more...)...)
}

func TestTokenV2(t *testing.T) {
	for _, issuers := range []Issuers{Microsoft, Own} {
		e, s := start(t, func(c *Config) { c.Issuers = issuers })
		id := e.TenantID(0)
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
		if keys := slices.Sorted(maps.Keys(got)); !reflect.DeepEqual(keys, []string{"access_token", "expires_in", "ext_expires_in", "token_type"}) {
			t.Errorf("members %v", keys)
		}
		if got["token_type"] != "Bearer" || got["expires_in"] != 3599.0 || got["ext_expires_in"] != 3599.0 {
			t.Errorf("answer %v", got)
		}
		token := verified(t, s, e.JWKSURL(id), got["access_token"].(string))
		claims := token.Claims
		for name, want := range map[string]any{
			"aud": kafkaID, "azp": billingID, "azpacr": "1", "ver": "2.0", "tid": id, "iss": e.Issuer(id, 2), "sub": claims["oid"],
			"iat": clock.Unix() - 300, "nbf": clock.Unix() - 300, "exp": clock.Unix() + 3600, "roles": []any{"Kafka.Write"},
		} {
			if !reflect.DeepEqual(claims[name], want) {
				t.Errorf("%s is %v, want %v", name, claims[name], want)
			}
		}
		if names := slices.Sorted(maps.Keys(claims)); strings.Join(names, " ") != "aio aud azp azpacr exp iat iss nbf oid rh roles sub tid uti ver xms_ftd" {
			t.Errorf("claims %v", names)
		}
		if token.Alg != "RS256" || token.Typ != "JWT" || token.X5T != "" {
			t.Errorf("header alg %s, typ %s, x5t %q", token.Alg, token.Typ, token.X5T)
		}
		want := map[Issuers]string{Microsoft: "https://login.microsoftonline.com/" + id + "/v2.0", Own: s.URL + "/" + id + "/v2.0"}[issuers]
		if token.Issuer() != want {
			t.Errorf("iss %s, want %s", token.Issuer(), want)
		}
	}
}

func TestTokenV1(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	got := ask(t, s, "/"+id+"/oauth2/token", credentials("resource", "api://legacy"))
	token := verified(t, s, e.JWKSURLV1(id), got["access_token"].(string))
	delete(got, "access_token")
	if !reflect.DeepEqual(got, map[string]any{
		"token_type": "Bearer", "expires_in": "3599", "ext_expires_in": "3599", "resource": "api://legacy",
		"expires_on": "1772604367", "not_before": "1772600467",
	}) {
		t.Errorf("answer %v", got)
	}
	for name, want := range map[string]any{
		"aud": "api://legacy", "appid": billingID, "appidacr": "1", "ver": "1.0", "iss": "https://sts.windows.net/" + id + "/",
		"roles": []any{"Legacy.Use"}, "exp": int64(1772604367), "iat": int64(1772600467), "idp": e.Issuer(id, 1), "azp": nil, "azpacr": nil,
	} {
		if !reflect.DeepEqual(token.Claims[name], want) {
			t.Errorf("%s is %v, want %v", name, token.Claims[name], want)
		}
	}
	if names := slices.Sorted(maps.Keys(token.Claims)); strings.Join(names, " ") != "aio appid appidacr aud exp iat idp iss nbf oid rh roles sub tid uti ver" {
		t.Errorf("claims %v", names)
	}
	if token.X5T == "" || token.X5T != token.Kid {
		t.Errorf("x5t %q, kid %q", token.X5T, token.Kid)
	}
}

// The version is the resource's, whatever the endpoint; so is the audience.
func TestResources(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	for _, tt := range []struct{ resource, ver, aud string }{
		{"api://kafka", "2.0", kafkaID},
		{"localhost:9092", "2.0", kafkaID},
		{"https://kafka.example/", "2.0", kafkaID},
		{kafkaID, "2.0", kafkaID},
		{strings.ToUpper(kafkaID), "2.0", kafkaID},
		{"api://legacy", "1.0", "api://legacy"},
		{legacyID, "1.0", legacyID},
		{billingID, "1.0", billingID},                       // a client's own id
		{"api://" + billingID, "1.0", "api://" + billingID}, // and the URI that the portal proposes for it
	} {
		for _, got := range []map[string]any{
			ask(t, s, "/"+id+"/oauth2/token", credentials("resource", tt.resource)),
			ask(t, s, "/contoso.example/oauth2/v2.0/token", credentials("scope", tt.resource+"/.default")),
			ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials()+"&scope="+tt.resource+"/.default"),
		} {
			keys := e.JWKSURL(id)
			if tt.ver == "1.0" {
				keys = s.URL + "/common/discovery/keys"
			}
			claims := verified(t, s, keys, got["access_token"].(string)).Claims
			if claims["ver"] != tt.ver || claims["aud"] != tt.aud {
				t.Errorf("%s: ver %v, aud %v, want %s, %s", tt.resource, claims["ver"], claims["aud"], tt.ver, tt.aud)
			}
			_, hasRoles := claims["roles"]
			if strings.HasSuffix(tt.resource, billingID) && hasRoles {
				t.Errorf("%s: roles %v, want none", tt.resource, claims["roles"])
			}
		}
	}
}

// A client may send id and secret as the RFC has it, or as it is done.
func TestClientAuthentication(t *testing.T) {
	e, s := start(t, nil)
	path := "/" + e.TenantID(0) + "/oauth2/v2.0/token"
	basic := func(id, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
	}
	encoded := strings.TrimPrefix(form("", canaryTwo), "=")
	for name, tt := range map[string][]string{
		"librdkafka":                {"grant_type=client_credentials&scope=api://kafka/.default", "Authorization", basic(billingID, canaryTwo), "Accept", "application/json"},
		"librdkafka, scheme-less":   {"grant_type=client_credentials&scope=localhost:9092/.default", "Authorization", basic(billingID, canaryTwo)},
		"Java":                      {"grant_type=client_credentials&scope=api%3A%2F%2Fkafka%2F.default", "Authorization", basic(billingID, canaryTwo), "Cache-Control", "no-cache"},
		"Java, header.urlencode":    {"grant_type=client_credentials&scope=api%3A%2F%2Fkafka%2F.default", "Authorization", basic(billingID, encoded)},
		"odd secret, raw":           {"grant_type=client_credentials&scope=api://kafka/.default", "Authorization", basic(billingID, canary)},
		"odd secret, encoded":       {"grant_type=client_credentials&scope=api://kafka/.default", "Authorization", basic(billingID, strings.TrimPrefix(form("", canary), "="))},
		"id in the body too":        {"grant_type=client_credentials&scope=api://kafka/.default&client_id=" + billingID, "Authorization", basic(billingID, canaryTwo)},
		"body":                      {credentials("scope", "api://kafka/.default")},
		"body, second secret":       {credentials("client_secret", canaryTwo, "scope", "api://kafka/.default")},
		"body, OpenID's scopes too": {credentials("scope", "api://kafka/.default openid offline_access profile")},
		"upper case id":             {credentials("client_id", strings.ToUpper(billingID), "scope", "api://kafka/.default")},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, s, path, tt[0], tt[1:]...)
			if token := verified(t, s, e.JWKSURL(e.TenantID(0)), got["access_token"].(string)); token.Text("azp") != billingID {
				t.Errorf("azp %q", token.Text("azp"))
			}
		})
	}
}

func TestTokenLifetime(t *testing.T) {
	e, s := start(t, func(c *Config) { c.TokenLifetime = 2 * time.Second })
	got := ask(t, s, "/"+e.TenantID(0)+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
	token := verified(t, s, e.JWKSURL(e.TenantID(0)), got["access_token"].(string))
	if got["expires_in"] != 1.0 || token.Claims["exp"] != clock.Unix()+2 {
		t.Errorf("expires_in %v, exp %v", got["expires_in"], token.Claims["exp"])
	}
}

func TestIssued(t *testing.T) {
	e, s := start(t, nil)
	got := ask(t, s, "/"+e.TenantID(0)+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
	token := got["access_token"].(string)
	claims := verified(t, s, e.JWKSURL(e.TenantID(0)), token).Claims
	list := e.Issued()
	if len(list) != 1 || list[0].UTI != claims["uti"] || list[0].ClientID != billingID || list[0].Audience != kafkaID || list[0].Kind != "application" {
		t.Fatalf("issued %+v", list)
	}
	_, body := do(t, s, newRequest(t, http.MethodGet, s.URL+"/_lab/issued", ""))
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(list[0].UTI)) || bytes.Contains(text, []byte(token)) {
		t.Errorf("listed %s", text)
	}
	for range maxIssued + 5 {
		e.issued.add(Issued{})
	}
	if n := len(e.Issued()); n != maxIssued {
		t.Errorf("%d are kept, want %d", n, maxIssued)
	}
}

// No secret is in a log, in an answer (do looks) or in a printed configuration.
func TestNoSecretInLogs(t *testing.T) {
	e, _ := start(t, nil)
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	server := httpd.NewServer(e, logger)
	path := "/" + e.TenantID(0) + "/oauth2/v2.0/token"
	for _, body := range []string{credentials("scope", "api://kafka/.default"), credentials("scope", "x"), credentials("client_id", kafkaID, "scope", "api://kafka/.default"), credentials() + "&grant_type=x"} {
		answer := httptest.NewRecorder()
		server.Handler.ServeHTTP(answer, newRequest(t, http.MethodPost, path+"?client_secret="+canaryTwo, body))
		if text := answer.Body.String(); strings.Contains(text, "kL~canary") {
			t.Errorf("answer %s", text)
		}
	}
	logger.Info("configuration", "config", testTenant())
	if text := log.String(); !strings.Contains(text, path) || strings.Contains(text, "canary") || strings.Contains(text, "eyJ") {
		t.Errorf("log %s", text)
	}
}

func FuzzTokenRequest(f *testing.F) {
	e, err := New(Config{Tenants: []Tenant{testTenant()}, Keys: testKeys()[:2], BaseURL: "https://localhost:1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(credentials("scope", "api://kafka/.default"), "")
	f.Add("grant_type=client_credentials&scope=localhost:9092/.default", "Basic "+base64.StdEncoding.EncodeToString([]byte(billingID+":"+canaryTwo)))
	f.Add("grant_type=client_credentials&client_id=%zz&scope=%&scope=", "Basic ")
	f.Add("a=b&a=b&=&&&", "Bearer x")
	known := []secret.String{secret.New(canary), secret.New(canaryTwo)}
	f.Fuzz(func(t *testing.T, body, authorization string) {
		r := newRequest(t, http.MethodPost, "/"+e.TenantID(0)+"/oauth2/v2.0/token", body, "Authorization", authorization)
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		if !json.Valid(answer.Body.Bytes()) || answer.Code >= 500 {
			t.Fatalf("status %d, answer %q", answer.Code, answer.Body)
		}
		if answer.Code != http.StatusOK {
			return
		}
		// A token needs a secret, in the body or in the header.
		r.Body = http.NoBody
		form, err := httpd.ParseForm(body)
		if err != nil {
			t.Fatal("a token for a form that cannot be read")
		}
		client, err := httpd.ReadClient(r, form)
		if err != nil || !client.Sent(known[0]) && !client.Sent(known[1]) {
			t.Fatalf("a token without a secret, %v", err)
		}
	})
}
