package entra

import (
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Microsoft's own SDK gets a token, and shows the number of a refusal.
func TestAzidentity(t *testing.T) {
	e, s := start(t, func(c *Config) { c.Now = time.Now })
	id := e.TenantID(0)
	options := &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.URL},
			Transport: s.Client(),
		},
		DisableInstanceDiscovery: true,
	}
	credential, err := azidentity.NewClientSecretCredential(id, billingID, canary, options)
	if err != nil {
		t.Fatal(err)
	}
	got, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"api://kafka/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	token := verified(t, s, e.JWKSURL(id), got.Token)
	if token.Text("azp") != billingID || time.Until(got.ExpiresOn) < 50*time.Minute {
		t.Errorf("azp %q, expires %s", token.Text("azp"), got.ExpiresOn)
	}
	if _, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"api://other/.default"}}); err == nil {
		t.Error("a token for an unknown resource")
	} else if text := err.Error(); !strings.Contains(text, "AADSTS500011") || strings.Contains(text, canary) {
		t.Errorf("the SDK shows %s", text)
	}
}
