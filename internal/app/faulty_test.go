package app

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// TestEmulatorsFailWhenTold: a fault that comes in over one listener of an
// emulator hits the other as well, no other emulator, and ends.
func TestEmulatorsFailWhenTold(t *testing.T) {
	t.Parallel()
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.ca.Pool()}}}
	defer client.CloseIdleConnections()
	ask := func(method, url, body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	e := l.emulators
	all := [][2]string{{e.entraURL, e.entraHTTP}, {e.oktaURL, e.oktaHTTP}, {e.imdsURL, e.imdsTLS}}
	for i, pair := range all {
		for j := range pair {
			told, other := pair[j], pair[1-j]
			if got := ask("POST", told+FaultsPath, `{"status": 418, "times": 2}`); got != http.StatusNoContent {
				t.Fatalf("%s: %d", told, got)
			}
			if got := ask("GET", all[(i+1)%3][0], ""); got == http.StatusTeapot {
				t.Errorf("%s: the fault hits another emulator", told)
			}
			got := []int{ask("GET", told, ""), ask("GET", other, ""), ask("GET", other, "")}
			if got[0] != http.StatusTeapot || got[1] != http.StatusTeapot || got[2] == http.StatusTeapot {
				t.Errorf("%s: %v, want 418 twice", told, got)
			}
			_, _ = ask("POST", told+FaultsPath, `{"status": 418}`), ask("DELETE", other+FaultsPath, "")
			if got := ask("GET", told, ""); got == http.StatusTeapot {
				t.Errorf("%s: the fault stays", told)
			}
		}
	}
}

// TestSettingsForAzureSDKs: with what the lab prints Microsoft's SDK gets a
// token; the environment has none of it, or no SDK would ask IMDS.
func TestSettingsForAzureSDKs(t *testing.T) {
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true, ArcKeys: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	settings := l.Settings(func(title string) string { return title })
	_, arc, _ := strings.Cut(settings, "Azure Arc manages")
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT"} {
		if l.Env.Get(name) != "" {
			t.Errorf("%s is in the environment", name)
		}
	}
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER"} {
		t.Setenv(name, setting(settings, name))
	}
	credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ID: azidentity.ClientID(setting(settings, "AZURE_CLIENT_ID"))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{l.Env.Get("KAFKA_SCOPE")}}); err != nil {
		t.Error(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		setting(arc, "IDENTITY_ENDPOINT")+"?api-version=2020-06-01&resource="+url.QueryEscape(l.Env.Get("KAFKA_RESOURCE")), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Metadata", "true")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic realm="+l.options.ArcKeys) {
		t.Errorf("Arc: %s %v", resp.Status, resp.Header)
	}
}

// setting is the value of the first line "name=value".
func setting(settings, name string) string {
	_, value, _ := strings.Cut(settings, "  "+name+"=")
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// TestFaultsInTheDocument: what docs/lab.md sends is a fault.
func TestFaultsInTheDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`curl --json '([^']*)' http://127\.0\.0\.1:9482`+FaultsPath).FindAllStringSubmatch(string(text), -1)
	if len(shown) == 0 {
		t.Fatal("docs/lab.md shows no fault: the search is broken")
	}
	for _, m := range shown {
		if _, err := httpd.ParseFault([]byte(m[1])); err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
	}
}

// TestFaultsToBeginWith: each is in force when the lab stands, and one that is
// none starts nothing.
func TestFaultsToBeginWith(t *testing.T) {
	t.Parallel()
	var faults labFaults
	faults.oidc.Tokens = true
	if err := faults.set([]string{`imds={"status":429,"times":2}`, `oidc={"clock":"-1h","path":"/token","for":"1h"}`, `entra={"latency":"2s"}`}); err != nil {
		t.Fatal(err)
	}
	for name, f := range faults.named() {
		if _, ok := f.Left(); !ok {
			t.Errorf("%s has no fault", name)
		}
	}
	for _, wrong := range []string{"", "imds", "imds=", "=", `okta={"status":500}`, `{"status":500}`, `imds={"stauts":500}`, `imds={"status":99}`, `IMDS={"status":500}`, `imds={"opaque":true}`, `entra={}`} {
		l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true, Faults: []string{`imds={"status":500}`, wrong}})
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "--fault: ") {
			t.Errorf("%q: started %v, %v", wrong, l, err)
		}
	}
	if err := new(labFaults).set([]string{`imds={"status":500}`, `imds={"status":404}`}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("twice: %v", err)
	}
}

func FuzzFaultFlag(f *testing.F) {
	for _, seed := range []string{`imds={"status":429,"times":2}`, `oidc={"opaque":true,"clock":"-1h"}`, "imds", "=", "entra={}", "oidc==", "imds={\"body\":\"\xff\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, flag string) {
		var faults labFaults
		faults.oidc.Tokens = true
		err := faults.set([]string{flag})
		name, _, _ := strings.Cut(flag, "=")
		if err == nil && faults.named()[name] == nil || err != nil && !strings.HasPrefix(err.Error(), "--fault: ") {
			t.Fatalf("%q: %v", flag, err)
		}
	})
}
