package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// tokenless is a refusal of Entra's, before klamm hears of a client.
type tokenless struct {
	number     int // of AADSTSnnn
	what, mend string
	form       url.Values // that provokes it, beside what is right; nil where the emulator cannot be brought to it
}

const (
	clientApp = "5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b"
	secretID  = "0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11"
)

// tokenlessWays are those that happen most.
//
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func tokenlessWays() []tokenless {
	form := func(name, value string) url.Values { return url.Values{name: {value}} }
	return []tokenless{
		{7000215, "the secret is wrong: most often its id was sent in place of its value, or a line end or quotes with it", "send the secret's value, which the portal shows once, when it is made", form("client_secret", secretID)},
		{7000222, "the secret has ended", "make a new one, or use a managed identity", nil},
		{7000218, "neither a secret nor an assertion was sent", "set client_secret; an empty variable gave none", form("client_secret", "")},
		{700016, "the tenant does not know the client", "compare client id and tenant; the application's id is wanted, not its object id", form("client_id", "11111111-2222-4333-8444-555555555555")},
		{500011, "the tenant does not know the resource: quotes around it, a scope (…/.default) sent as resource, a slash too many or too few, or no service principal", "write the App ID URI or the GUID of the application that stands for Kafka; make its service principal", form("scope", "api://kafka/.default/.default")},
		{1002012, "the scope does not end in /.default", "ask for scope=APP-ID-URI/.default at the v2 endpoint", form("scope", "api://kafka")},
		{70011, "the scope is none, or not the only one", "ask for exactly one scope", form("scope", "api://kafka/.default User.Read")},
		{901002, "resource was sent to the v2 endpoint", "send scope in its place", form("resource", "api://kafka")},
		{501051, "the client has no role at the resource, which requires assignment", "assign an application role to the client's service principal", form("scope", "api://closed/.default")},
		{700024, "the assertion is outside of its time", "compare the clocks; read a projected token again from its file", nil},
	}
}

// TestEntraRefuses provokes what the page of refusals says of Entra's numbers.
func TestEntraRefuses(t *testing.T) {
	t.Parallel()
	e, err := entra.New(entra.Config{Keys: []*jwt.SigningKey{rsaKey()}, Tenants: []entra.Tenant{{
		ID: "random", Domain: "contoso.example",
		Applications: []entra.Application{
			{Name: "kafka", ClientID: kafkaApp, AccessTokenVersion: 2, AppIDURIs: []string{"api://kafka"}},
			{Name: "closed", ClientID: "2f0f5e0e-75c4-4c53-8a34-5a4a8f0a7c11", AppIDURIs: []string{"api://closed"}, AssignmentRequired: true},
			{Name: "billing", ClientID: clientApp, Secrets: []entra.Secret{{ID: secretID, Value: secret.New("the~value")}}},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(e)
	t.Cleanup(server.Close)
	e.SetBaseURL(server.URL)
	for _, way := range tokenlessWays() {
		if way.form == nil {
			continue
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientApp}, "client_secret": {"the~value"}, "scope": {"api://kafka/.default"}}
		for name, value := range way.form {
			form[name] = value
		}
		if err := refusedAs(server, e.TenantID(0), form, way.number); err != nil {
			t.Errorf("AADSTS%d: %v", way.number, err)
		}
	}
}

func refusedAs(server *httptest.Server, tenant string, form url.Values, number int) error {
	resp, err := server.Client().PostForm(server.URL+"/"+tenant+"/oauth2/v2.0/token", form)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Codes []int  `json:"error_codes"`
		Text  string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK || !slices.Equal(answer.Codes, []int{number}) {
		return fmt.Errorf("answered %s: %v %s", resp.Status, answer.Codes, answer.Text)
	}
	return nil
}
