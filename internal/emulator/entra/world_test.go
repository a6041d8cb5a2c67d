package entra

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

const (
	kafkaID    = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	legacyID   = "1d6e1c51-0dcb-4b53-a6f2-8a9a3d1fcb02"
	closedID   = "2f0f5e0e-75c4-4c53-8a34-5a4a8f0a7c11"
	absentID   = "3b1c2a77-93ad-4a7b-8e06-6a2be2b3d540"
	billingID  = "5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b"
	disabledID = "6a0b8c6d-1f51-4b59-bf41-0d9fa1c37d15"
	publicID   = "7b2de0aa-2dc1-45a4-a6fd-fd8a1e60f5f7"
	ordersID   = "9f3b5c1e-2a74-4b41-8a39-0c7d1f6e2b90"

	canary      = "kL~canary+secret/1%=&"
	canaryTwo   = "kL~canary-secret-2"
	canaryEnded = "kL~canary-secret-3"
	secretID    = "0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11"
)

var testKeys = sync.OnceValue(func() []*jwt.SigningKey {
	keys := make([]*jwt.SigningKey, 3)
	for i := range keys {
		key, err := newKey()
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

var clock = time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)

func testTenant() Tenant {
	return Tenant{
		ID: "random", Domain: "contoso.example",
		Applications: []Application{
			{
				Name: "kafka", ClientID: kafkaID, AccessTokenVersion: 2, AppIDURIs: []string{"api://kafka", "localhost:9092", "https://kafka.example/"},
				Roles: []AppRole{{Value: "Kafka.Read"}, {Value: "Kafka.Write"}, {Value: "Kafka.Old", Disabled: true}, {Value: "Kafka.People", UsersOnly: true}},
			},
			{Name: "legacy", ClientID: legacyID, AppIDURIs: []string{"api://legacy"}, Roles: []AppRole{{Value: "Legacy.Use"}}},
			{Name: "closed", ClientID: closedID, AppIDURIs: []string{"api://closed"}, AssignmentRequired: true, Roles: []AppRole{{Value: "Enter"}}},
			{Name: "absent", ClientID: absentID, AppIDURIs: []string{"api://absent"}, NoServicePrincipal: true, Secrets: []Secret{{ID: secretID, Value: secret.New(canary)}}},
			{
				Name: "billing", ClientID: billingID,
				Secrets: []Secret{{ID: secretID, Value: secret.New(canary)}, {ID: "two", Value: secret.New(canaryTwo), Ends: clock.Add(time.Nanosecond)}, {ID: "empty"}, {ID: "ended", Value: secret.New(canaryEnded), Ends: clock}},
				Permissions: []Permission{
					{"kafka", "Kafka.Write", true}, {"kafka", "Kafka.Read", false}, {"kafka", "Kafka.Old", true}, {"kafka", "Kafka.People", true}, {"closed", "Enter", false},
				},
				Assignments: []Assignment{{"legacy", "Legacy.Use"}},
			},
			{Name: "disabled", ClientID: disabledID, Disabled: true, Secrets: []Secret{{ID: secretID, Value: secret.New(canary)}}},
			{Name: "public", ClientID: publicID, Public: true},
		},
		ManagedIdentities: []ManagedIdentity{
			{Name: "orders", ClientID: ordersID, ObjectID: "3d0e8e52-71c5-4d8e-b0a4-1f2f4a6f9c33", Assignments: []Assignment{{"kafka", "Kafka.Read"}}},
			{Name: "machine", System: true, ClientID: "7a1de0f4-94cf-4a0f-8f4e-b0b6b7a3c2d8", Disabled: true},
		},
		Groups: []Group{{Name: "people", Members: []string{"billing"}}},
	}
}

// start serves the test tenant over TLS.
func start(t testing.TB, change func(*Config)) (*Entra, *httptest.Server) {
	t.Helper()
	c := Config{Tenants: []Tenant{testTenant()}, Keys: testKeys()[:2], Now: func() time.Time { return clock }}
	if change != nil {
		change(&c)
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewTLSServer(e)
	t.Cleanup(s.Close)
	e.SetBaseURL(s.URL)
	return e, s
}

func do(t testing.TB, s *httptest.Server, r *http.Request) (*http.Response, map[string]any) {
	t.Helper()
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{canary, canaryTwo, canaryEnded, url.QueryEscape(canary)} {
		if strings.Contains(string(text), s) {
			t.Errorf("the answer holds a secret: %s", text)
		}
	}
	body := map[string]any{}
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatalf("status %d, %v: %s", resp.StatusCode, err, text)
	}
	return resp, body
}

func newRequest(t testing.TB, method, url, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// form encodes pairs; a value "-" leaves the pair out.
func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "-" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values.Encode()
}

func keySet(t testing.TB, s *httptest.Server, url string) []jwt.Key {
	t.Helper()
	resp, err := s.Client().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	set, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwt.ParseSet(set)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// verified checks a token with the published key set and returns it.
func verified(t testing.TB, s *httptest.Server, jwks string, token string) *jwt.Token {
	t.Helper()
	keys := keySet(t, s, jwks)
	parsed, err := jwt.Parse(secret.New(token))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.ID == parsed.Kid {
			if err := parsed.Verify(k); err != nil {
				t.Fatal(err)
			}
			if got := strings.ReplaceAll(k.Issuer, "{tenantid}", parsed.Text("tid")); got != parsed.Issuer() {
				t.Errorf("the key is of %s, the token of %s", got, parsed.Issuer())
			}
			return parsed
		}
	}
	t.Fatalf("the key set lacks %q", parsed.Kid)
	return nil
}
