package entra

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

func TestKeySets(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	for path, issuer := range map[string]string{
		"/" + id + "/discovery/v2.0/keys": "https://login.microsoftonline.com/" + id + "/v2.0",
		"/common/discovery/v2.0/keys":     "https://login.microsoftonline.com/{tenantid}/v2.0",
		"/" + id + "/discovery/keys":      "https://sts.windows.net/" + id + "/",
		"/common/discovery/keys":          "https://sts.windows.net/{tenantid}/",
		"/contoso.example/discovery/keys": "https://sts.windows.net/" + id + "/",
	} {
		resp, got := do(t, s, newRequest(t, http.MethodGet, s.URL+path, ""))
		if cache := resp.Header.Get("Cache-Control"); cache != "max-age=86400, private" {
			t.Errorf("%s: Cache-Control %q", path, cache)
		}
		keys, ok := got["keys"].([]any)
		if !ok || len(keys) != 2 {
			t.Fatalf("%s: %v", path, got)
		}
		for _, k := range keys {
			key := k.(map[string]any)
			if key["kty"] != "RSA" || key["use"] != "sig" || key["kid"] != key["x5t"] || key["issuer"] != issuer || key["e"] != "AQAB" || key["n"] == nil {
				t.Errorf("%s: %v", path, key)
			}
			if chain, ok := key["x5c"].([]any); !ok || len(chain) != 1 {
				t.Errorf("%s: x5c %v", path, key["x5c"])
			}
		}
	}
}

func TestDiscovery(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	for path, want := range map[string][3]string{
		"/" + id + "/v2.0/": {"https://login.microsoftonline.com/" + id + "/v2.0", e.TokenURL(id), e.JWKSURL(id)},
		"/" + id + "/":      {"https://sts.windows.net/" + id + "/", s.URL + "/" + id + "/oauth2/token", s.URL + "/common/discovery/keys"},
		"/common/v2.0/":     {"https://login.microsoftonline.com/{tenantid}/v2.0", s.URL + "/common/oauth2/v2.0/token", s.URL + "/common/discovery/v2.0/keys"},
		"/common/":          {"https://sts.windows.net/{tenantid}/", s.URL + "/common/oauth2/token", s.URL + "/common/discovery/keys"},
	} {
		_, got := do(t, s, newRequest(t, http.MethodGet, s.URL+path+".well-known/openid-configuration", ""))
		if have := [3]string{got["issuer"].(string), got["token_endpoint"].(string), got["jwks_uri"].(string)}; have != want {
			t.Errorf("%s: %v, want %v", path, have, want)
		}
	}
	_, got := do(t, s, newRequest(t, http.MethodGet, s.URL+"/common/discovery/instance?api-version=1.1&authorization_endpoint="+s.URL+"/"+id+"/oauth2/v2.0/authorize", ""))
	if got["tenant_discovery_endpoint"] != s.URL+"/"+id+"/v2.0/.well-known/openid-configuration" {
		t.Errorf("instance: %v", got)
	}
	for path, code := range map[string]float64{
		"/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0/.well-known/openid-configuration": 90002,
		"/x/discovery/keys":          900023,
		"/common/discovery/instance": 900144,
		"/common/discovery/instance?authorization_endpoint=https://evil.example/x/y": 900023,
	} {
		if _, got := do(t, s, newRequest(t, http.MethodGet, s.URL+path, "")); !reflect.DeepEqual(got["error_codes"], []any{code}) {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// Without an address of its own the emulator names none.
func TestNoBaseURL(t *testing.T) {
	e, s := start(t, func(c *Config) { c.Issuers = Own })
	e.SetBaseURL("")
	for _, r := range []*http.Request{
		newRequest(t, http.MethodGet, s.URL+"/common/v2.0/.well-known/openid-configuration", ""),
		newRequest(t, http.MethodPost, s.URL+"/"+e.TenantID(0)+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default")),
	} {
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusServiceUnavailable || len(body) != 0 {
			t.Errorf("status %d, %q, %v; want 503 and no body, which librdkafka would read before that of its next try", resp.StatusCode, body, err)
		}
	}
}

func TestRotation(t *testing.T) {
	e, s := start(t, nil)
	id, keys := e.TenantID(0), testKeys()
	kids := func() (out []string) {
		_, got := do(t, s, newRequest(t, http.MethodGet, e.JWKSURL(id), ""))
		for _, k := range got["keys"].([]any) {
			out = append(out, k.(map[string]any)["kid"].(string))
		}
		return out
	}
	signer := func() string {
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
		return verified(t, s, e.JWKSURL(id), got["access_token"].(string)).Kid
	}
	if err := e.RemoveOldKey(); fault.KindOf(err) != fault.Conflict {
		t.Errorf("remove before a rotation: %v", err)
	}
	for _, step := range []struct {
		do     func() error
		signer int
		kids   []int
	}{
		{func() error {
			if err := e.SignWithNewKey(); fault.KindOf(err) != fault.Conflict {
				t.Errorf("sign before publish: %v", err)
			}
			return nil
		}, 0, []int{0, 1}},
		{func() error { return e.PublishKey(keys[2]) }, 0, []int{0, 1, 2}},
		{e.SignWithNewKey, 2, []int{0, 1, 2}},
		{e.RemoveOldKey, 2, []int{1, 2}},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, i := range step.kids {
			want = append(want, keys[i].Kid)
		}
		if got := kids(); !slices.Equal(got, want) || signer() != keys[step.signer].Kid {
			t.Errorf("keys %v, want %v; signs %s, want %s", got, want, signer(), keys[step.signer].Kid)
		}
	}
	if err := e.SignWithNewKey(); fault.KindOf(err) != fault.Conflict {
		t.Errorf("no new key: %v", err)
	}
}

// TestSignBeforePublish: tokens of a key that nobody knows, until it is published.
func TestSignBeforePublish(t *testing.T) {
	e, s := start(t, nil)
	id, key := e.TenantID(0), testKeys()[2]
	signer := func() string {
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
		parsed, err := jwt.Parse(secret.New(got["access_token"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Kid
	}
	known := func() bool {
		return slices.ContainsFunc(keySet(t, s, e.JWKSURL(id)), func(k jwt.Key) bool { return k.ID == key.Kid })
	}
	if err := e.SignWithUnpublishedKey(key); err != nil {
		t.Fatal(err)
	}
	if signer() != key.Kid || known() {
		t.Errorf("signs %s, known %v; want %s and unknown", signer(), known(), key.Kid)
	}
	for name, step := range map[string]func() error{
		"sign": e.SignWithNewKey, "sign secretly": func() error { return e.SignWithUnpublishedKey(key) }, "remove": e.RemoveOldKey,
		"replace": func() error { return e.rotate((*keys).replace, nil) },
	} {
		if err := step(); fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s before publish: %v", name, err)
		}
	}
	if err := e.PublishKey(nil); err != nil || !known() || len(keySet(t, s, e.JWKSURL(id))) != 3 {
		t.Errorf("published: %v, known %v", err, known())
	}
	if err := e.RemoveOldKey(); err != nil || signer() != key.Kid || len(keySet(t, s, e.JWKSURL(id))) != 2 {
		t.Errorf("removed: %v", err)
	}
	if err := e.PublishKey(testKeys()[0]); err != nil {
		t.Fatal(err)
	}
	if err := e.SignWithUnpublishedKey(key); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a published key waits: %v", err)
	}
}

// TestRotateKeys: sign without publish before it is the wrong order.
func TestRotateKeys(t *testing.T) {
	e, s := start(t, nil)
	for _, step := range []struct {
		step string
		keys int
		done string
	}{
		{"publish", 3, "signs nothing yet"}, {"sign", 3, "published last"}, {"remove", 2, "no more"},
		{"sign", 2, "in no key set"}, {"publish", 3, "the key that signs"}, {"remove", 2, "no more"}, {"", 3, "and signs"},
	} {
		done := did(t, e, "rotate-keys", `{"step":"`+step.step+`"}`).Done
		if n := len(keySet(t, s, e.JWKSURL(e.TenantID(0)))); n != step.keys || !strings.Contains(done, step.done) {
			t.Errorf("after %q: %s; %d keys, want %d", step.step, done, n, step.keys)
		}
	}
}

// Without keys of the caller's the emulator makes two.
func TestOwnKeys(t *testing.T) {
	e, s := start(t, func(c *Config) { c.Keys = nil })
	id := e.TenantID(0)
	got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
	verified(t, s, e.JWKSURL(id), got["access_token"].(string))
	if n := len(e.keys.published); n != 2 {
		t.Errorf("%d keys are published, want 2", n)
	}
}

func TestManagedIdentity(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	identities := e.ManagedIdentities(id)
	if len(identities) != 2 || identities[0].ClientID != ordersID || !isUUID(identities[1].ObjectID) ||
		!strings.HasSuffix(identities[0].ResourceID, "/userAssignedIdentities/orders") || identities[1].ResourceID != "" || e.ManagedIdentities("x") != nil {
		t.Fatalf("identities %+v", identities)
	}
	g, err := e.ManagedIdentityToken(id, ordersID, "api://kafka")
	if err != nil {
		t.Fatal(err)
	}
	claims := verified(t, s, e.JWKSURL(id), g.Token.Reveal()).Claims
	for name, want := range map[string]any{
		"azp": ordersID, "azpacr": "2", "oid": identities[0].ObjectID, "sub": identities[0].ObjectID, "roles": []any{"Kafka.Read"}, "ver": "2.0",
	} {
		if !reflect.DeepEqual(claims[name], want) {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if now := clock.Truncate(time.Second); !g.Expires.Equal(now.Add(24*time.Hour)) || !g.NotBefore.Equal(now.Add(-5*time.Minute)) || g.Resource != "api://kafka" || g.ExpiresIn() != 86399 {
		t.Errorf("grant %+v", g)
	}
	if list := e.Issued(); len(list) != 1 || list[0].Kind != "managed_identity" {
		t.Errorf("issued %+v", list)
	}
	for _, tt := range []struct {
		tenant, client, resource string
		code                     int
	}{
		{id, ordersID, "api://other", 500011},
		{id, ordersID, "", 50001},
		{id, ordersID, "api://kafka/.default", 50001},
		{id, ordersID, "api://closed", 501051},
		{id, identities[1].ClientID, "api://kafka", 7000112},
		{"67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", ordersID, "api://kafka", 90002},
		{id, billingID, "api://kafka", 0}, // an application
		{id, "", "api://kafka", 0},
	} {
		_, err := e.ManagedIdentityToken(tt.tenant, tt.client, tt.resource)
		refused, ok := errors.AsType[*Refusal](err)
		if err == nil || ok != (tt.code != 0) || ok && refused.Code != tt.code {
			t.Errorf("%s for %s: %v, want %d", tt.resource, tt.client, err, tt.code)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	change := func(f func(*Tenant)) Config {
		one := testTenant()
		f(&one)
		return Config{Tenants: []Tenant{one}, Keys: []*jwt.SigningKey{testKeys()[0]}}
	}
	own := change(func(x *Tenant) { x.ID = "contoso" })
	own.Issuers = Own
	for name, c := range map[string]Config{
		"no tenant":            {},
		"issuers":              {Issuers: "other", Tenants: []Tenant{{ID: "random"}}},
		"lifetime":             {TokenLifetime: time.Millisecond, Tenants: []Tenant{{ID: "random"}}},
		"somebody's tenant":    change(func(x *Tenant) { x.ID = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6" }),
		"tenant is no UUID":    own,
		"domain":               change(func(x *Tenant) { x.Domain = "common" }),
		"client id":            change(func(x *Tenant) { x.Applications[0].ClientID = "kafka" }),
		"client id taken":      change(func(x *Tenant) { x.ManagedIdentities[0].ClientID = billingID }),
		"App ID URI taken":     change(func(x *Tenant) { x.Applications[1].AppIDURIs = []string{"api://kafka"} }),
		"scheme-less and v1":   change(func(x *Tenant) { x.Applications[1].AppIDURIs = []string{"localhost:9093"} }),
		"version":              change(func(x *Tenant) { x.Applications[0].AccessTokenVersion = 3 }),
		"name taken":           change(func(x *Tenant) { x.Applications[1].Name = "kafka" }),
		"unknown role":         change(func(x *Tenant) { x.ManagedIdentities[0].Assignments[0].Role = "Kafka.Rite" }),
		"unknown application":  change(func(x *Tenant) { x.Applications[4].Permissions[0].Application = "kafkaa" }),
		"unknown, unconsented": change(func(x *Tenant) { x.Applications[4].Permissions[1].Role = "Kafka.Raed" }),
		"two with one domain":  {Tenants: []Tenant{{ID: "random", Domain: "a.example"}, {ID: "random", Domain: "A.example"}}},
	} {
		if _, err := New(c); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
