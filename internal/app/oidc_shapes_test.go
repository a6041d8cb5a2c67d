package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/emulator/oidc"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kclient"
	"github.com/klammhq/klamm/token"
)

// TestShapesAreLetIn: a client of a server of each shape takes a token with its
// secret, over HTTPS, and produces; whose clock is wrong is refused.
func TestShapesAreLetIn(t *testing.T) {
	t.Parallel()
	l, err := StartLab(t.Context(), LabOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	document, err := os.ReadFile("../../docs/lab.md")
	if err != nil {
		t.Fatal(err)
	}
	shapes := 0
	for _, s := range l.world.OIDC {
		if s.Shape == string(oidc.Kubernetes) {
			continue // nobody asks it for a token
		}
		shapes++
		path := strings.TrimPrefix(l.emulators.oidc[s.Name].TokenURL(), l.emulators.oktaURL)
		row := fmt.Sprintf("| `%s` | `%s` | `%s` | `%s` | `pool-%s` |", s.Shape, path, s.Clients[0].ClientID, s.Clients[0].Secret, s.Name)
		if !strings.Contains(string(document), row) {
			t.Errorf("docs/lab.md has no row that begins with %s", row)
		}
		t.Run(s.Name, func(t *testing.T) { // one by one: they share their faults
			l.shape(t, s.Name, l.emulators.oidc[s.Name])
		})
	}
	if shapes != 3 {
		t.Errorf("the world has %d servers of other shapes", shapes)
	}
}

// shape goes through all that a server's client may do and may not.
func (l *Lab) shape(t *testing.T, name string, p *oidc.Provider) {
	for _, method := range []string{httpd.SecretBasic, httpd.SecretPost} {
		client := l.shaped(t, name, method, "pool-"+name)
		if records, err := client.Produce(t.Context(), "orders", [][]byte{[]byte("from " + name)}); err != nil || len(records) != 1 {
			t.Fatalf("%s: %d records, %v", method, len(records), err)
		}
		if _, err := client.Produce(t.Context(), "payroll", [][]byte{[]byte("must not arrive")}); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: a topic without a role: %v", method, err)
		}
	}
	l.wantRefused(t, l.shaped(t, name, httpd.SecretBasic, "pool-reports"), "another's pool for "+name, "pool-reports")
	client := l.shaped(t, name, httpd.SecretBasic, "pool-"+name)
	path := strings.TrimPrefix(p.TokenURL(), l.emulators.oktaURL)
	for _, c := range []struct {
		what string
		httpd.TokenFault
		refused iam.Code
	}{
		{"fast clock of " + name, httpd.TokenFault{Clock: 10 * time.Minute}, authn.NotYetValid},
		{"slow clock of " + name, httpd.TokenFault{Clock: -2 * time.Hour}, authn.Expired},
	} {
		l.wrong(t, path, c.TokenFault)
		l.wantRefused(t, client, c.what, string(c.refused))
	}
	l.wrong(t, path, httpd.TokenFault{Opaque: true})
	if _, err := client.Source.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "opaque") {
		t.Errorf("an opaque token: %v", err)
	}
	l.emulators.faults.oidc.Clear()
	if _, err := client.Produce(t.Context(), "orders", [][]byte{[]byte("again")}); err != nil {
		t.Errorf("after the faults: %v", err)
	}
}

// wrong makes the tokens of an endpoint wrong.
func (l *Lab) wrong(t *testing.T, path string, f httpd.TokenFault) {
	t.Helper()
	if err := l.emulators.faults.oidc.Set(httpd.Fault{Token: f, Path: path}); err != nil {
		t.Fatal(err)
	}
}

// shaped is a Kafka client that takes a new token for each connection.
func (l *Lab) shaped(t *testing.T, name, method, pool string) kclient.Config {
	t.Helper()
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.ca.Pool()}}}
	t.Cleanup(web.CloseIdleConnections)
	var id, password string
	for _, s := range l.world.OIDC {
		if s.Name == name {
			id, password = s.Clients[0].ClientID, s.Clients[0].Secret
		}
	}
	endpoint := l.emulators.oidc[name].TokenURL()
	if !strings.HasPrefix(endpoint, l.emulators.oktaURL+"/") || !strings.HasPrefix(endpoint, "https://") {
		t.Fatalf("the token endpoint is %s", endpoint)
	}
	source := func(ctx context.Context) (token.Token, error) {
		form := url.Values{"grant_type": {"client_credentials"}}
		if method == httpd.SecretPost {
			form.Set("client_id", id)
			form.Set("client_secret", password)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err != nil {
			return token.Token{}, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if method == httpd.SecretBasic {
			req.SetBasicAuth(id, password)
		}
		resp, err := web.Do(req)
		if err != nil {
			return token.Token{}, err
		}
		defer resp.Body.Close()
		var body struct {
			Token string `json:"access_token"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			return token.Token{}, err
		}
		return token.New(body.Token, time.Now())
	}
	return kclient.Config{
		Bootstrap: []string{l.Env.Get("KAFKA_BOOTSTRAP_SERVER")}, CA: l.ca.PEM(), Source: token.SourceFunc(source),
		Extensions: map[string]string{"logicalCluster": l.world.Cluster.ID, "identityPoolId": pool},
	}
}

// wantRefused wants a login to be refused with a story that holds a word.
func (l *Lab) wantRefused(t *testing.T, client kclient.Config, as, word string) {
	t.Helper()
	client.ClientID = as
	if _, err := client.Produce(t.Context(), "orders", [][]byte{[]byte("must not arrive")}); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("%s: %v", as, err)
	}
	if story, err := l.gateway.explain(as); err != nil || !strings.Contains(story, word) {
		t.Errorf("%s: the story has no %q: %v\n%s", as, word, err, story)
	}
}
