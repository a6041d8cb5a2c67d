package entra

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	body := func(pairs ...string) string {
		all := map[string]string{"grant_type": "client_credentials", "client_id": billingID, "client_secret": canary, "scope": "api://kafka/.default"}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		var flat []string
		for k, v := range all {
			flat = append(flat, k, v)
		}
		return form(flat...)
	}
	v1 := func(resource string) string { return body("scope", "-", "resource", resource) }
	const token2, token1 = "/oauth2/v2.0/token", "/oauth2/token"
	for name, tt := range map[string]struct {
		path, body string
		status     int
		oauth      string
		code       int
		uri        bool
	}{
		"wrong secret":                {id + token2, body("client_secret", "wrong"), 401, "invalid_client", 7000215, true},
		"secret's id":                 {id + token2, body("client_secret", secretID), 401, "invalid_client", 7000215, true},
		"secret and a newline":        {id + token2, body("client_secret", canary+"\n"), 401, "invalid_client", 7000215, true},
		"no secret":                   {id + token2, body("client_secret", "-"), 401, "invalid_client", 7000218, false},
		"empty secret":                {id + token2, body("client_secret", ""), 401, "invalid_client", 7000218, false},
		"assertion":                   {id + token2, body("client_secret", "-", "client_assertion", "a.b.c", "client_assertion_type", assertionType), 400, "invalid_request", 50027, false},
		"assertion without type":      {id + token2, body("client_secret", "-", "client_assertion", "a.b.c"), 400, "invalid_request", 900144, false},
		"assertion of another type":   {id + token2, body("client_secret", "-", "client_assertion", "a.b.c", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), 400, "invalid_request", 9002313, false},
		"assertion and secret":        {id + token2, body("client_assertion", "a.b.c", "client_assertion_type", assertionType), 400, "invalid_request", 9002313, false},
		"type without assertion":      {id + token2, body("client_secret", "-", "client_assertion_type", assertionType), 401, "invalid_client", 7000218, false},
		"public client":               {id + token2, body("client_id", publicID), 401, "invalid_client", 700025, false},
		"unknown client":              {id + token2, body("client_id", "11111111-2222-4333-8444-555555555555"), 400, "unauthorized_client", 700016, false},
		"client without principal":    {id + token2, body("client_id", absentID), 400, "unauthorized_client", 700016, false},
		"managed identity, secret":    {id + token2, body("client_id", ordersID), 401, "invalid_client", 7000232, false},
		"managed identity, nothing":   {id + token2, body("client_id", ordersID, "client_secret", "-"), 401, "invalid_client", 7000218, false},
		"secret that has ended":       {id + token2, body("client_secret", canaryEnded), 401, "invalid_client", 7000222, true},
		"zeros":                       {id + token2, body("client_id", "00000000-0000-0000-0000-000000000000"), 400, "unauthorized_client", 700038, false},
		"client id is no GUID":        {id + token2, body("client_id", "billing"), 400, "unauthorized_client", 700038, false},
		"disabled":                    {id + token2, body("client_id", disabledID), 400, "unauthorized_client", 7000112, false},
		"unknown resource":            {id + token2, body("scope", "api://other/.default"), 400, "invalid_resource", 500011, true},
		"resource in other case":      {id + token2, body("scope", "API://kafka/.default"), 400, "invalid_resource", 500011, true},
		"resource without principal":  {id + token2, body("scope", "api://absent/.default"), 400, "invalid_resource", 500011, true},
		"resource lacks its slash":    {id + token2, body("scope", "https://kafka.example/.default"), 400, "invalid_resource", 500011, true},
		"managed identity a resource": {id + token2, body("scope", ordersID+"/.default"), 400, "invalid_resource", 500011, true},
		"unknown resource, v1":        {id + token1, v1("api://other"), 400, "invalid_resource", 500011, true},
		"scope as resource, v1":       {id + token1, v1("api://kafka/.default"), 400, "invalid_resource", 500011, true},
		"encoded twice, v1":           {id + token1, v1("localhost%3A9092"), 400, "invalid_resource", 500011, true},
		"assignment required":         {id + token2, body("scope", "api://closed/.default"), 400, "invalid_grant", 501051, false},
		"two kinds of scope":          {id + token2, body("scope", "api://kafka/.default User.Read"), 400, "invalid_scope", 70011, false},
		"no resource in scope":        {id + token2, body("scope", "/.default"), 400, "invalid_scope", 70011, false},
		"no .default":                 {id + token2, body("scope", "api://kafka"), 400, "invalid_scope", 1002012, false},
		"scope encoded twice":         {id + token2, body("scope", "api%3A%2F%2Fkafka/.default"), 400, "invalid_scope", 1002012, false},
		"empty scope":                 {id + token2, body("scope", ""), 400, "invalid_scope", 28003, false},
		"only OpenID's scopes":        {id + token2, body("scope", "openid"), 400, "invalid_scope", 28003, false},
		"two resources":               {id + token2, body("scope", "api://kafka/.default api://legacy/.default"), 400, "invalid_scope", 700022, false},
		"grant type":                  {id + token2, body("grant_type", "password"), 400, "unsupported_grant_type", 70003, false},
		"no grant type":               {id + token2, body("grant_type", "-"), 400, "invalid_request", 900144, false},
		"no client":                   {id + token2, body("client_id", "-"), 400, "invalid_request", 900144, false},
		"no scope":                    {id + token2, body("scope", "-"), 400, "invalid_request", 900144, false},
		"no resource, v1":             {id + token1, body(), 400, "invalid_request", 900144, false},
		"resource at v2":              {id + token2, v1("api://kafka"), 400, "invalid_request", 901002, false},
		"unknown tenant":              {"67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6" + token2, body(), 400, "invalid_request", 90002, false},
		"unknown domain":              {"fabrikam.example" + token2, body(), 400, "invalid_request", 90002, false},
		"tenant is no GUID":           {"contoso" + token2, body(), 400, "invalid_request", 900023, false},
		"common":                      {"common" + token2, body(), 400, "invalid_request", 9001023, false},
		"organizations":               {"organizations" + token1, v1("api://kafka"), 400, "invalid_request", 50059, false},
		"parameter twice":             {id + token2, body() + "&scope=api://kafka/.default", 400, "invalid_request", 9002313, false},
	} {
		t.Run(name, func(t *testing.T) {
			const correlation = "0a1b2c3d-0000-4000-8000-00000000abcd"
			resp, got := do(t, s, newRequest(t, http.MethodPost, s.URL+"/"+tt.path, tt.body, "client-request-id", correlation))
			if resp.StatusCode != tt.status || got["error"] != tt.oauth || !reflect.DeepEqual(got["error_codes"], []any{float64(tt.code)}) {
				t.Fatalf("status %d, answer %v", resp.StatusCode, got)
			}
			tail := fmt.Sprintf(`^AADSTS%d: .+ Trace ID: %s Correlation ID: %s Timestamp: 2026-03-04 05:06:07Z$`, tt.code, got["trace_id"], correlation)
			if text := got["error_description"].(string); !regexp.MustCompile(tail).MatchString(text) {
				t.Errorf("error_description %q does not match %s", text, tail)
			}
			if cache, pragma := resp.Header.Get("Cache-Control"), resp.Header.Get("Pragma"); cache != "no-store, no-cache" || pragma != "no-cache" {
				t.Errorf("Cache-Control %q, Pragma %q", cache, pragma)
			}
			if got["correlation_id"] != correlation || got["timestamp"] != "2026-03-04 05:06:07Z" {
				t.Errorf("correlation_id %v, timestamp %v", got["correlation_id"], got["timestamp"])
			}
			want := any(nil)
			if tt.uri {
				want = fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", tt.code)
			}
			if got["error_uri"] != want {
				t.Errorf("error_uri %v, want %v", got["error_uri"], want)
			}
		})
	}
	if len(e.Issued()) != 0 {
		t.Errorf("refused requests made tokens: %v", e.Issued())
	}
}

func TestNeverRedirects(t *testing.T) {
	e, _ := start(t, nil)
	for _, path := range []string{"//%s/oauth2/v2.0/token", "/x/../%s/oauth2/v2.0/token", "/%s/oauth2/v2.0/token/", "/%s//oauth2/token", "/", "", "*"} {
		r := newRequest(t, http.MethodPost, "/", credentials("scope", "api://kafka/.default"))
		r.URL.Path = strings.ReplaceAll(path, "%s", e.TenantID(0))
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		if answer.Code != http.StatusNotFound || answer.Header().Get("Location") != "" {
			t.Errorf("%q: status %d to %q", path, answer.Code, answer.Header().Get("Location"))
		}
	}
}

func TestRefusedRequests(t *testing.T) {
	e, s := start(t, nil)
	url := e.TokenURL(e.TenantID(0))
	whole := form("grant_type", "client_credentials", "client_id", billingID, "client_secret", canary, "scope", "api://kafka/.default")
	other := newRequest(t, http.MethodPost, url, whole)
	other.SetBasicAuth(kafkaID, canary)
	for name, tt := range map[string]struct {
		r    *http.Request
		code float64
	}{
		"GET":             {newRequest(t, http.MethodGet, url, ""), 900561},
		"JSON":            {newRequest(t, http.MethodPost, url, `{"grant_type":"client_credentials"}`, "Content-Type", "application/json"), 900144},
		"query":           {newRequest(t, http.MethodPost, url+"?"+whole, ""), 900144},
		"bearer":          {newRequest(t, http.MethodPost, url, whole, "Authorization", "Bearer x"), 9002313},
		"two clients":     {other, 9002313},
		"much too large":  {newRequest(t, http.MethodPost, url, whole+"&x="+string(make([]byte, 1<<20))), 9002313},
		"a text for logs": {newRequest(t, http.MethodPost, url, form("grant_type", "x\r\n\x1b[31m")), 70003},
	} {
		t.Run(name, func(t *testing.T) {
			resp, got := do(t, s, tt.r)
			if codes, ok := got["error_codes"].([]any); !ok || codes[0] != tt.code || resp.StatusCode != http.StatusBadRequest {
				t.Fatalf("status %d, answer %v", resp.StatusCode, got)
			}
			if regexp.MustCompile(`[\r\n\x1b]`).MatchString(got["error_description"].(string)) {
				t.Errorf("control characters are repeated: %q", got["error_description"])
			}
		})
	}
}
