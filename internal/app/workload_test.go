package app

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/lab"
)

// TestWorkloadIdentity: Microsoft's SDK takes a service account's token from a
// file, as in a pod, and gets a token of Entra ID for it; not while the
// cluster's key is in no key set.
func TestWorkloadIdentity(t *testing.T) {
	t.Parallel()
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.ca.Pool()}}}
	defer client.CloseIdleConnections()
	e := l.emulators
	ask := func(at string, body any, into any) {
		t.Helper()
		sent, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Post(at, "application/json", bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", at, resp.Status, err)
		}
	}
	ask(e.entraURL+EntraPath+"/add-federated-credential", map[string]string{
		"id": "billing", "name": "cluster", "issuer": e.oidc["kubernetes"].Issuer(), "subject": "system:serviceaccount:orders:producer",
	}, &EntraAnswer{})
	file := filepath.Join(t.TempDir(), "azure-identity-token")
	project := func() {
		t.Helper()
		var made OIDCAnswer
		ask(e.oktaURL+OIDCPath+"/token", map[string]string{"server": "kubernetes", "client_id": "orders/producer"}, &made)
		if err := os.WriteFile(file, []byte(made.Token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	login := func() error {
		t.Helper()
		project()
		credential, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientID: l.Env.Get("OAUTH_CLIENT_ID"), TenantID: e.tenant, TokenFilePath: file, DisableInstanceDiscovery: true,
			ClientOptions: azcore.ClientOptions{
				Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: e.entraURL}, Transport: client, Retry: policy.RetryOptions{MaxRetries: -1},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{l.Env.Get("KAFKA_SCOPE")}})
		return err
	}
	if err := login(); err != nil {
		t.Fatal(err)
	}
	ask(e.oktaURL+OIDCPath+"/rotate-keys", map[string]string{"server": "kubernetes", "step": "sign"}, &OIDCAnswer{})
	if err := login(); err == nil || !strings.Contains(err.Error(), "AADSTS") {
		t.Errorf("a key that nobody knows: %v", err)
	}
	ask(e.oktaURL+OIDCPath+"/rotate-keys", map[string]string{"server": "kubernetes", "step": "publish"}, &OIDCAnswer{})
	if err := login(); err != nil {
		t.Errorf("after it is published: %v", err)
	}
}

// TestIssuersAreNotLinkLocal: whoever names an issuer must not make the lab ask
// a metadata service.
func TestIssuersAreNotLinkLocal(t *testing.T) {
	t.Parallel()
	ca, err := lab.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range []string{"https://169.254.169.254", "https://[fe80::1]", "https://[::ffff:169.254.169.254]"} {
		_, err := issuerKeys(ca).Key(t.Context(), issuer, "kid")
		if err == nil || !strings.Contains(fault.Detail(err), "link-local") {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}
