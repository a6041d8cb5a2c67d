package entra

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// azure are the options by which Microsoft's SDK finds a cloud of one's own.
func azure(s *httptest.Server) azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.URL},
		Transport: s.Client(),
	}
}

// got asks the SDK for a token for kafka and looks at it.
func got(t *testing.T, e *Entra, s *httptest.Server, credential azcore.TokenCredential, client, acr, way string) {
	t.Helper()
	answer, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"api://kafka/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	token := verified(t, s, e.JWKSURL(e.TenantID(0)), answer.Token)
	if token.Text("azp") != client || token.Text("azpacr") != acr || time.Until(answer.ExpiresOn) < 50*time.Minute {
		t.Errorf("claims %v, expires %s", token.Claims, answer.ExpiresOn)
	}
	if list := e.Issued(); list[len(list)-1].ClientAuth != way {
		t.Errorf("issued %+v", list)
	}
}

// fails asks the SDK for a token in vain.
func fails(t *testing.T, credential azcore.TokenCredential, resource, code string) {
	t.Helper()
	_, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{resource + "/.default"}})
	if err == nil || !strings.Contains(err.Error(), code+":") || strings.Contains(err.Error(), canary) {
		t.Errorf("the SDK shows %v, want %s", err, code)
	}
}

// Microsoft's own SDK gets a token, and shows the number of a refusal.
func TestClientSecretCredential(t *testing.T) {
	e, s := start(t, func(c *Config) { c.Now = time.Now })
	credential, err := azidentity.NewClientSecretCredential(e.TenantID(0), billingID, canary,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azure(s), DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	got(t, e, s, credential, billingID, "1", BySecret)
	fails(t, credential, "api://other", "AADSTS500011")
}

func TestClientCertificateCredential(t *testing.T) {
	e, s := start(t, func(c *Config) {
		c.Now = time.Now
		c.Tenants[0].Applications[4].Certificates = []Certificate{{PEM: pairs()["one"].pem()}}
	})
	for name, code := range map[string]string{"one": "", "two": "AADSTS700027"} {
		file := pairs()[name].keyPEM() + pairs()[name].pem()
		certificates, key, err := azidentity.ParseCertificates([]byte(file), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, chain := range []bool{false, true} {
			credential, err := azidentity.NewClientCertificateCredential(e.TenantID(0), billingID, certificates, key,
				&azidentity.ClientCertificateCredentialOptions{ClientOptions: azure(s), DisableInstanceDiscovery: true, SendCertificateChain: chain})
			if err != nil {
				t.Fatal(err)
			}
			if code == "" {
				got(t, e, s, credential, billingID, "2", ByCertificate)
			} else {
				fails(t, credential, "api://kafka", code)
			}
		}
	}
}

// cluster is an issuer of projected tokens that can be reached, and one of its
// tokens.
func cluster(t *testing.T, change members) (*oidcIssuer, string) {
	issuer := startIssuer(t)
	_, claims := projected()
	claims["iss"], claims["nbf"], claims["exp"] = issuer.url, time.Now().Unix(), time.Now().Add(time.Hour).Unix()
	for name, value := range change {
		claims[name] = value
	}
	token, err := issuer.key.Sign(nil, claims)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, token
}

func TestClientAssertionCredential(t *testing.T) {
	issuer, token := cluster(t, nil)
	e, s := start(t, func(c *Config) { c.Now, c.IssuerKeys = time.Now, NewIssuerKeys(issuer.client) })
	did(t, e, "add-federated-credential", jsonOf(members{"id": "billing", "name": "producer", "issuer": issuer.url, "subject": clusterSubject}))
	with := func(assertion string) azcore.TokenCredential {
		credential, err := azidentity.NewClientAssertionCredential(e.TenantID(0), billingID, func(context.Context) (string, error) { return assertion, nil },
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: azure(s), DisableInstanceDiscovery: true})
		if err != nil {
			t.Fatal(err)
		}
		return credential
	}
	got(t, e, s, with(token), billingID, "2", ByFederatedCredential)
	fails(t, with(token[:len(token)-8]+"AAAAAAAA"), "api://kafka", "AADSTS700027")
	fails(t, with("x"), "api://kafka", "AADSTS50027")
	issuer.key = testKeys()[0] // the issuer rotates its key, and forgets the old one
	fails(t, with(token), "api://kafka", "AADSTS700027")
	issuer.close()
	fails(t, with(token), "api://kafka", "AADSTS50166")
}

// TestWorkloadIdentityCredential is a pod with a managed identity.
func TestWorkloadIdentityCredential(t *testing.T) {
	issuer, token := cluster(t, nil)
	e, s := start(t, func(c *Config) { c.Now, c.IssuerKeys = time.Now, NewIssuerKeys(issuer.client) })
	file := filepath.Join(t.TempDir(), "azure-identity-token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AZURE_CLIENT_ID": ordersID, "AZURE_TENANT_ID": e.TenantID(0), "AZURE_FEDERATED_TOKEN_FILE": file, "AZURE_AUTHORITY_HOST": s.URL + "/",
	} {
		t.Setenv(name, value)
	}
	with := func() azcore.TokenCredential {
		credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: azcore.ClientOptions{Transport: s.Client()}, DisableInstanceDiscovery: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		return credential
	}
	fails(t, with(), "api://kafka", "AADSTS70025")
	did(t, e, "add-federated-credential", jsonOf(members{"id": "orders", "name": "producer", "issuer": issuer.url, "subject": "system:serviceaccount:orders:Producer"}))
	fails(t, with(), "api://kafka", "AADSTS700213")
	did(t, e, "add-federated-credential", jsonOf(members{"id": "orders", "name": "right", "issuer": issuer.url, "subject": clusterSubject}))
	got(t, e, s, with(), ordersID, "2", ByFederatedCredential)

	_, old := cluster(t, members{"iss": issuer.url, "nbf": time.Now().Add(-2 * time.Hour).Unix(), "exp": time.Now().Add(-time.Hour).Unix()})
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, with(), "api://kafka", "AADSTS700024")
}
