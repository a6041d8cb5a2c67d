package entra

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// TestGroups: the resource's manifest says which groups are in tokens for it.
func TestGroups(t *testing.T) {
	e, s := start(t, nil)
	id := e.TenantID(0)
	security := did(t, e, "groups/create", `{"displayName":"writers"}`).Group
	mail := did(t, e, "groups/create", `{"displayName":"mail","securityEnabled":false}`).Group
	for _, group := range []string{"writers", mail.ID} {
		for _, who := range []string{"billing", ordersID} {
			did(t, e, "groups/add-member", `{"id":"`+group+`","member":"`+who+`"}`)
		}
	}
	people := e.tenant(id).config.Groups[0].ObjectID
	groups := func(resource string) [2]any {
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", resource+"/.default"))
		managed, err := e.ManagedIdentityToken(id, ordersID, resource)
		if err != nil {
			t.Fatal(err)
		}
		return [2]any{decodeClaims(t, got["access_token"].(string))["groups"], decodeClaims(t, managed.Token.Reveal())["groups"]}
	}
	for _, tt := range []struct {
		value string
		want  [2]any
	}{
		{"", [2]any{nil, nil}},
		{"SecurityGroup", [2]any{[]any{people, security.ID}, []any{security.ID}}},
		{"All", [2]any{[]any{people, security.ID, mail.ID}, []any{security.ID, mail.ID}}},
		{"None", [2]any{nil, nil}},
	} {
		for _, resource := range []string{"kafka", "legacy"} { // of version 2 and 1
			if tt.value != "" {
				did(t, e, "set", `{"id":"`+resource+`","groupMembershipClaims":"`+tt.value+`"}`)
			}
			if got := groups("api://" + resource); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%q of %s: %v, want %v", tt.value, resource, got, tt.want)
			}
		}
	}
	did(t, e, "set", `{"id":"kafka","groupMembershipClaims":"All"}`)
	did(t, e, "groups/remove-member", `{"id":"mail","member":"orders"}`)
	did(t, e, "groups/delete", `{"id":"writers"}`)
	if got, want := groups("api://kafka"), [2]any{[]any{people, mail.ID}, nil}; !reflect.DeepEqual(got, want) {
		t.Errorf("afterwards %v, want %v", got, want)
	}
	for call, want := range map[string]string{
		`add-member {"id":"mail","member":"billing"}`: "already", `remove-member {"id":"mail","member":"orders"}`: "no member",
		`add-member {"id":"mail","member":"x"}`: "there is no application", `create {"displayName":"mail"}`: "taken",
	} {
		command, body, _ := strings.Cut(call, " ")
		if got := administer(e, http.MethodPost, "/groups/"+command, body); got.Code == http.StatusOK || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: %d %s", call, got.Code, got.Body)
		}
	}
	var list Answer
	if err := json.Unmarshal(administer(e, http.MethodGet, "/groups", "").Body.Bytes(), &list); err != nil || len(list.Groups) != 2 || list.Groups[1].SecurityEnabled {
		t.Errorf("groups %+v, %v", list.Groups, err)
	}
}

// TestGroupOverage: 200 groups are in a token, 201 are not.
func TestGroupOverage(t *testing.T) {
	e, s := start(t, func(c *Config) {
		c.Tenants[0].Groups = nil
		for i := range maxGroups {
			c.Tenants[0].Groups = append(c.Tenants[0].Groups, Group{Name: fmt.Sprint(i), Members: []string{"billing"}})
		}
		for i := range 2 {
			c.Tenants[0].Applications[i].GroupMembershipClaims = "SecurityGroup"
		}
	})
	id := e.TenantID(0)
	claims := func(resource string) map[string]any {
		got := ask(t, s, "/"+id+"/oauth2/v2.0/token", credentials("scope", resource+"/.default"))
		return decodeClaims(t, got["access_token"].(string))
	}
	for _, resource := range []string{"api://kafka", "api://legacy"} {
		if got := claims(resource); len(got["groups"].([]any)) != maxGroups || got["_claim_names"] != nil {
			t.Errorf("%s: %v", resource, got)
		}
	}
	did(t, e, "groups/create", `{"displayName":"one more"}`)
	did(t, e, "groups/add-member", `{"id":"one more","member":"billing"}`)
	for _, resource := range []string{"api://kafka", "api://legacy"} {
		got := claims(resource)
		want := map[string]any{"src1": map[string]any{"endpoint": fmt.Sprintf("https://graph.windows.net/%s/servicePrincipals/%s/getMemberObjects", id, got["oid"])}}
		if _, has := got["groups"]; has || !reflect.DeepEqual(got["_claim_names"], map[string]any{"groups": "src1"}) || !reflect.DeepEqual(got["_claim_sources"], want) {
			t.Errorf("%s: %v", resource, got)
		}
	}
}

func TestGroupsThatAreWrong(t *testing.T) {
	for name, groups := range map[string][]Group{
		"no name":         {{}},
		"name twice":      {{Name: "a"}, {Name: "a"}},
		"id twice":        {{Name: "a", ObjectID: kafkaID}, {Name: "b", ObjectID: strings.ToUpper(kafkaID)}},
		"id is no UUID":   {{Name: "a", ObjectID: "a"}},
		"unknown member":  {{Name: "a", Members: []string{"nobody"}}},
		"member twice":    {{Name: "a", Members: []string{"billing", "billing"}}},
		"member's id":     {{Name: "a", Members: []string{billingID}}},
		"member, no name": {{Name: "a", Members: []string{""}}},
	} {
		one := testTenant()
		one.Groups = groups
		if _, err := compile(one); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	one := testTenant()
	one.ManagedIdentities[0].Name, one.Groups[0].Members = "billing", []string{"billing"}
	if _, err := compile(one); err == nil || !strings.Contains(err.Error(), "2 times") {
		t.Errorf("a name that is two: %v", err)
	}
}
