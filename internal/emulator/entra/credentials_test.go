package entra

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSecretEnds: a secret is good until its end, beside others.
func TestSecretEnds(t *testing.T) {
	keys := testKeys()[:2]
	synctest.Test(t, func(t *testing.T) {
		e, err := New(Config{Tenants: []Tenant{testTenant()}, Keys: keys, BaseURL: "https://localhost:1"})
		if err != nil {
			t.Fatal(err)
		}
		ends := jsonOf(members{"id": "legacy", "endDateTime": time.Now().Add(time.Hour)})
		one, two := did(t, e, "add-secret", ends).Secret, did(t, e, "add-secret", `{"id":"legacy"}`).Secret
		codes := func(text string) string {
			answer := httptest.NewRecorder()
			e.ServeHTTP(answer, newRequest(t, http.MethodPost, "/"+e.TenantID(0)+"/oauth2/v2.0/token",
				form("grant_type", "client_credentials", "client_id", legacyID, "client_secret", text, "scope", "api://kafka/.default")))
			var body struct {
				Codes []int  `json:"error_codes"`
				Text  string `json:"error_description"`
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if len(body.Codes) > 0 && body.Codes[0] == 7000222 && !strings.Contains(body.Text, "https://aka.ms/NewClientSecret") {
				t.Errorf("no hint in %s", body.Text)
			}
			return jsonOf(members{"codes": body.Codes})
		}
		if one.Ends == nil || two.Ends != nil || codes(one.Text) != `{"codes":null}` || codes(two.Text) != `{"codes":null}` {
			t.Errorf("both are good at first: %+v %+v", one, two)
		}
		<-time.After(time.Hour)
		if codes(one.Text) != `{"codes":[7000222]}` || codes(two.Text) != `{"codes":null}` || codes(one.KeyID) != `{"codes":[7000215]}` {
			t.Errorf("afterwards %s, %s, %s", codes(one.Text), codes(two.Text), codes(one.KeyID))
		}
		did(t, e, "remove-secret", jsonOf(members{"id": "legacy", "keyId": two.KeyID}))
		if codes(two.Text) != `{"codes":[7000215]}` {
			t.Errorf("removed: %s", codes(two.Text))
		}
		if list := e.Issued(); list[0].ClientAuth != BySecret || list[0].Credential != one.KeyID || list[1].Credential != two.KeyID {
			t.Errorf("issued %+v", list)
		}
	})
}

// TestTakenAway: each command that gives has one that takes.
func TestTakenAway(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	roles := func(resource string) any {
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", resource+"/.default"))
		return decodeClaims(t, got["access_token"].(string))["roles"]
	}
	if roles("api://kafka") == nil || roles("api://legacy") == nil {
		t.Fatal("billing has no roles at first")
	}
	did(t, e, "revoke-consent", `{"id":"billing"}`)
	if got := roles("api://kafka"); got != nil {
		t.Errorf("consent revoked: %v", got)
	}
	did(t, e, "grant-consent", `{"id":"billing"}`)
	did(t, e, "remove-permission", `{"id":"billing","api":"kafka","role":"Kafka.Read"}`)
	if got := roles("api://kafka"); len(got.([]any)) != 1 {
		t.Errorf("permission removed: %v", got)
	}
	did(t, e, "unassign", `{"id":"billing","api":"legacy","role":"Legacy.Use"}`)
	if got := roles("api://legacy"); got != nil {
		t.Errorf("unassigned: %v", got)
	}
	if got := did(t, e, "remove-role", `{"id":"legacy","value":"Legacy.Use"}`); len(got.App.Roles) != 0 {
		t.Errorf("role removed: %+v", got.App.Roles)
	}
	did(t, e, "delete", `{"id":"`+kafkaID+`"}`)
	if app := did(t, e, "set", `{"id":"billing","accountEnabled":true}`).App; len(app.Permissions) != 1 || app.Permissions[0].API != "closed" {
		t.Errorf("kafka is gone, its permissions are not: %+v", app.Permissions)
	}
	if got := e.ManagedIdentities(id)[0].Assignments; len(got) != 0 {
		t.Errorf("nor its assignments: %+v", got)
	}
	resp, got := do(t, s, newRequest(t, http.MethodPost, e.TokenURL(id), credentials("scope", "api://kafka/.default")))
	if resp.StatusCode != http.StatusBadRequest || got["error"] != "invalid_resource" {
		t.Errorf("a token for a deleted application: %v", got)
	}
	did(t, e, "delete", `{"id":"billing"}`)
	if members := e.tenant(id).config.Groups[0].Members; len(members) != 0 {
		t.Errorf("a deleted application is a member still: %v", members)
	}
	resp, got = do(t, s, newRequest(t, http.MethodPost, e.TokenURL(id), credentials("scope", "api://legacy/.default")))
	if resp.StatusCode != http.StatusBadRequest || got["error"] != "unauthorized_client" {
		t.Errorf("a token of a deleted application: %v", got)
	}
}
