package app

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestEntraAdministration: what an administrator does is in the next token of a
// managed identity, over http and https, while the emulator fails.
func TestEntraAdministration(t *testing.T) {
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.ca.Pool()}}}
	defer client.CloseIdleConnections()
	ask := func(method, at, body string) (int, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Metadata", "true")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, said
	}
	e := l.emulators
	if status, said := ask(http.MethodPost, e.entraHTTP+FaultsPath, `{"status": 500, "times": 1}`); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, said)
	}
	for _, call := range [][3]string{
		{e.entraHTTP, "/create", `{"displayName": "new", "identifierUris": ["api://new"], "requestedAccessTokenVersion": 2}`},
		{e.entraURL, "/add-role", `{"id": "new", "value": "Use"}`},
		{e.entraHTTP, "/assign", `{"id": "orders-app", "api": "new", "role": "Use"}`},
	} {
		status, said := ask(http.MethodPost, call[0]+EntraPath+call[1], call[2])
		var answer EntraAnswer
		if err := json.Unmarshal(said, &answer); err != nil || status != http.StatusOK || answer.Tenant != e.tenant {
			t.Fatalf("%s: %d %s", call[1], status, said)
		}
	}
	if status, _ := ask(http.MethodGet, e.entraURL+"/_lab/issued", ""); status != http.StatusInternalServerError {
		t.Errorf("the administrator's calls used the fault up: status %d", status)
	}
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {"api://new"}, "client_id": {l.Env.Get("AZURE_CLIENT_ID")}}
	if status, said := ask(http.MethodGet, l.Env.Get("IMDS_TOKEN_URL")+"?"+query.Encode(), ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, said)
	}
	if issued := e.entra.Issued(); len(issued) != 1 || len(issued[0].Roles) != 1 || issued[0].Roles[0] != "Use" || issued[0].Version != "2.0" {
		t.Errorf("issued %+v", issued)
	}
}

// TestAdministrationIsGuarded: over every listener, what a browser or a proxy
// asks for is refused, and while the emulators fail the calls are answered.
func TestAdministrationIsGuarded(t *testing.T) {
	t.Parallel()
	l, err := StartLab(t.Context(), LabOptions{EmulatorsOnly: true, IMDSListen: "127.0.0.1:0", Faults: []string{
		`imds={"status":500}`, `oidc={"status":500}`, `entra={"status":500}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.ca.Pool()}}}
	defer client.CloseIdleConnections()
	e := l.emulators
	for at, path := range map[string]string{
		e.entraURL: EntraPath, e.entraHTTP: EntraPath, e.oktaURL: OIDCPath, e.oktaHTTP: OIDCPath, e.imdsURL: IMDSPath, e.imdsTLS: IMDSPath, e.imdsAlso: IMDSPath,
	} {
		for _, target := range []string{path, FaultsPath} {
			for header, want := range map[string]int{"": http.StatusOK, "Origin": http.StatusForbidden, "X-Forwarded-For": http.StatusForbidden} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+target, nil)
				if err != nil {
					t.Fatal(err)
				}
				if header != "" {
					req.Header.Set(header, at)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("%s%s with %q: %s, want %d", at, target, header, resp.Status, want)
				}
			}
		}
	}
}
