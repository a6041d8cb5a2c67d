package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/emulator/entra"
	"github.com/klammhq/klamm/internal/emulator/imds"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// tokenless is a refusal of Entra's, before klamm hears of a client.
type tokenless struct {
	number     int // of AADSTSnnn
	what, mend string
	ask        func(*directory) (*http.Client, *http.Request) // what provokes it
}

const (
	clientApp = "5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b"
	secretID  = "0f1d9c2e-6f38-4c6a-93a5-5a4c0e4a7d11"

	federatedIssuer, federatedSubject = "https://oidc.test/cluster", "system:serviceaccount:orders:producer"
	// atEndpoint stands for the token endpoint as an audience.
	atEndpoint = "TOKEN-ENDPOINT"
)

// tokenlessWays are those that happen most.
//
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func tokenlessWays() []tokenless {
	const right = "write the App ID URI or the GUID of the application that stands for Kafka"
	return []tokenless{
		{7000215, "the secret is wrong: most often its id was sent in place of its value, or a line end or quotes with it", "send the secret's value, which the portal shows once, when it is made", form("client_secret", secretID)},
		{7000222, "the secret has ended", "make a new one, or use a managed identity", form("client_secret", "the~old~value")},
		{7000218, "neither a secret nor an assertion was sent", "set client_secret; an empty variable gave none", form("client_secret", "")},
		{700016, "the tenant does not know the client", "compare client id and tenant; the application's id is wanted, not its object id", form("client_id", "11111111-2222-4333-8444-555555555555")},
		{50001, "IMDS or App Service was asked for a scope (…/.default) as resource", right + ", without /.default", resource("api://kafka/.default")},
		{500011, "the tenant does not know the resource: quotes around it, a scope (…/.default) sent as resource, a slash too many or too few, another tenant, or no service principal", right + "; make its service principal in this tenant", form("scope", "api://kafka/.default/.default")},
		{1002012, "the scope does not end in /.default", "ask for scope=APP-ID-URI/.default at the v2 endpoint", form("scope", "api://kafka")},
		{70011, "the scope is none, or not the only one", "ask for exactly one scope", form("scope", "api://kafka/.default User.Read")},
		{901002, "resource was sent to the v2 endpoint", "send scope in its place", form("resource", "api://kafka")},
		{501051, "the client has no role at the resource, which requires assignment", "assign an application role to the client's service principal", form("scope", "api://closed/.default")},
		{700211, "the assertion's issuer is that of no federated credential", "copy iss of the assertion into the federated credential: case and a slash at the end count", assertion(map[string]any{"iss": federatedIssuer + "/"})},
		{700213, "the assertion's subject is that of no federated credential", "copy sub of the assertion into the federated credential; in Kubernetes it is system:serviceaccount:NAMESPACE:NAME", assertion(map[string]any{"sub": "system:serviceaccount:orders:Producer"})},
		{700212, "the assertion's audience is not that of the federated credential", "have the token issued for the audience of the credential, which is api://AzureADTokenExchange unless it says otherwise", assertion(map[string]any{"aud": "sts.amazonaws.com"})},
		{700023, "an assertion that the client signed is not for the token endpoint", "set its aud to https://login.microsoftonline.com/TENANT/oauth2/v2.0/token", assertion(map[string]any{"iss": clientApp, "sub": clientApp, "aud": "api://kafka"})},
		{700027, "the assertion is signed with no certificate of the application, or with a key that its issuer does not publish", "upload the certificate to the application, and have the client send its thumbprint (x5t#S256)", assertion(map[string]any{"iss": clientApp, "sub": clientApp, "aud": atEndpoint})},
		{700024, "the assertion is outside of its time", "compare the clocks; read a projected token again from its file", assertion(map[string]any{"exp": 1700000000})},
	}
}

// TestEntraRefuses provokes what the page of refusals says of Entra's numbers.
func TestEntraRefuses(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	for _, way := range tokenlessWays() {
		if err := refusedAs(way.number, way.ask, d); err != nil {
			t.Errorf("AADSTS%d: %v", way.number, err)
		}
	}
}

// directory is an emulated Entra ID, with the metadata service of a machine.
type directory struct {
	t             *testing.T
	entra         *entra.Entra
	web, metadata *httptest.Server
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	e, err := entra.New(entra.Config{Keys: []*jwt.SigningKey{rsaKey()}, Tenants: []entra.Tenant{{
		ID: "random", Domain: "contoso.example",
		Applications: []entra.Application{
			{Name: "kafka", ClientID: kafkaApp, AccessTokenVersion: 2, AppIDURIs: []string{"api://kafka"}},
			{Name: "closed", ClientID: "2f0f5e0e-75c4-4c53-8a34-5a4a8f0a7c11", AppIDURIs: []string{"api://closed"}, AssignmentRequired: true},
			{Name: "billing", ClientID: clientApp,
				Secrets:              []entra.Secret{{ID: secretID, Value: secret.New("the~value")}, {Value: secret.New("the~old~value"), Ends: time.Unix(1700000000, 0)}},
				FederatedCredentials: []entra.FederatedCredential{{Name: "cluster", Issuer: federatedIssuer, Subject: federatedSubject}}},
		},
		ManagedIdentities: []entra.ManagedIdentity{{Name: "orders", ClientID: "9f3b5c1e-2a74-4b41-8a39-0c7d1f6e2b90"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	service, err := imds.New(imds.Config{Issuer: &machine{directory: e, tenant: e.TenantID(0)}})
	if err != nil {
		t.Fatal(err)
	}
	d := &directory{t, e, httptest.NewTLSServer(e), httptest.NewServer(service)}
	t.Cleanup(d.web.Close)
	t.Cleanup(d.metadata.Close)
	e.SetBaseURL(d.web.URL)
	return d
}

func (d *directory) request(method, to, body string) *http.Request {
	req, err := http.NewRequestWithContext(d.t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Metadata", "true")
	return req
}

// post asks for a token with a secret; change is what is not right about it.
func (d *directory) post(change func(url.Values)) (*http.Client, *http.Request) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientApp}, "client_secret": {"the~value"}, "scope": {"api://kafka/.default"}}
	change(form)
	return d.web.Client(), d.request(http.MethodPost, d.entra.TokenURL(d.entra.TenantID(0)), form.Encode())
}

func form(name, value string) func(*directory) (*http.Client, *http.Request) {
	return func(d *directory) (*http.Client, *http.Request) {
		return d.post(func(form url.Values) { form.Set(name, value) })
	}
}

// assertion has claims in place of those that a federated credential trusts.
func assertion(claims map[string]any) func(*directory) (*http.Client, *http.Request) {
	return func(d *directory) (*http.Client, *http.Request) {
		all := map[string]any{"iss": federatedIssuer, "sub": federatedSubject, "aud": entra.ExchangeAudience, "exp": time.Now().Unix() + 600}
		maps.Copy(all, claims)
		if all["aud"] == atEndpoint {
			all["aud"] = d.entra.TokenURL(d.entra.TenantID(0))
		}
		return d.post(func(form url.Values) {
			form.Del("client_secret")
			form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			form.Set("client_assertion", sign(d.t, rsaKey(), nil, all))
		})
	}
}

// resource is what the metadata service is asked for.
func resource(value string) func(*directory) (*http.Client, *http.Request) {
	return func(d *directory) (*http.Client, *http.Request) {
		to := d.metadata.URL + "/metadata/identity/oauth2/token?" + url.Values{"api-version": {"2018-02-01"}, "resource": {value}}.Encode()
		return d.metadata.Client(), d.request(http.MethodGet, to, "")
	}
}

func refusedAs(number int, ask func(*directory) (*http.Client, *http.Request), d *directory) error {
	client, req := ask(d)
	resp, err := client.Do(req)
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
