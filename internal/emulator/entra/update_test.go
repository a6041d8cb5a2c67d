package entra

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
)

func TestUpdate(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	roles := func() any {
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", "api://kafka/.default"))
		return verified(t, s, e.JWKSURL(id), got["access_token"].(string)).Claims["roles"]
	}
	subject := func() string { return e.tenant(id).principals[billingID].objectID }
	before := subject()
	var kept *Tenant
	err := e.Update("contoso.example", func(t *Tenant) error {
		kept = t
		a, err := t.application("id", "billing")
		a.Permissions[1].Consent = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"Kafka.Read", "Kafka.Write"}
	if got := roles(); !reflect.DeepEqual(got, want) {
		t.Errorf("roles %v, want %v", got, want)
	}
	if subject() != before || e.TenantID(0) != id {
		t.Error("an id that was chosen changed")
	}
	kept.Applications[0].Roles[0].Disabled = true
	kept.Applications[4].Permissions[1].Consent = false
	if got := roles(); !reflect.DeepEqual(got, want) {
		t.Errorf("a change after Update is seen: roles %v", got)
	}
}

func TestUpdateThatIsWrongChangesNothing(t *testing.T) {
	e, _ := start(t, nil)
	id := e.TenantID(0)
	before := e.tenant(id)
	own := errors.New("own")
	for name, tt := range map[string]struct {
		tenant string
		change func(*Tenant) error
		want   string
	}{
		"unknown tenant": {"fabrikam.example", func(*Tenant) error { return nil }, `there is no tenant "fabrikam.example"`},
		"no tenant":      {"", func(*Tenant) error { return nil }, `there is no tenant ""`},
		"own error":      {id, func(t *Tenant) error { t.Applications = nil; return own }, "own"},
		"id":             {id, func(t *Tenant) error { t.ID = "random"; return nil }, "Tenant: a tenant keeps its id and domain"},
		"domain":         {id, func(t *Tenant) error { t.Domain = "login.example"; return nil }, "Tenant: a tenant keeps its id and domain"},
		"name twice":     {id, func(t *Tenant) error { t.Applications[1].Name = "kafka"; return nil }, `application kafka: the name "kafka" is empty or taken`},
		"role is gone":   {id, func(t *Tenant) error { t.Applications[0].Roles = nil; return nil }, `there is no application "kafka" with the app role`},
		"client id":      {id, func(t *Tenant) error { t.ManagedIdentities[0].ClientID = kafkaID; return nil }, "is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			err := e.Update(tt.tenant, tt.change)
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.want != "own" && fault.KindOf(err) == fault.Internal {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if e.tenant(id) != before {
				t.Error("the tenant changed")
			}
		})
	}
}

// TestUpdateWhileTokensAreIssued: each token has all of one state, whose version
// and role always change together.
func TestUpdateWhileTokensAreIssued(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	var both sync.WaitGroup
	both.Go(func() {
		for i := range 200 {
			if err := e.Update(id, func(t *Tenant) error {
				legacy, err := t.application("id", "legacy")
				legacy.AccessTokenVersion, legacy.Roles[0].Disabled = 1+i%2, i%2 == 1
				return err
			}); err != nil {
				t.Error(err)
			}
		}
	})
	for range 50 {
		_, got := do(t, s, newRequest(t, http.MethodPost, s.URL+"/"+id+"/oauth2/v2.0/token", credentials("scope", "api://legacy/.default")))
		token, ok := got["access_token"].(string)
		if !ok {
			t.Fatalf("answer %v", got)
		}
		claims := decodeClaims(t, token)
		if _, has := claims["roles"]; has != (claims["ver"] == "1.0") {
			t.Errorf("version %v with roles %v", claims["ver"], claims["roles"])
		}
	}
	both.Wait()
}
