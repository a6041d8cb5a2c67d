package klammtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/klammhq/klamm/token"
)

// identities fills in those who may log in.
func (l *Lab) identities(client *http.Client) {
	l.ManagedIdentity = Identity{
		Source: token.AzureIMDS{
			Endpoint: l.Env["IMDS_TOKEN_URL"], Resource: l.Env["KAFKA_RESOURCE"], ClientID: l.Env["AZURE_CLIENT_ID"], Transport: client.Transport,
		},
		ClientID: l.Env["AZURE_CLIENT_ID"], Pool: l.Env["KAFKA_IDENTITY_POOL_ID"], faults: faultsOf(l.Env["IMDS_TOKEN_URL"]),
	}
	l.Application, l.Okta = l.withSecret("OAUTH", client), l.withSecret("OKTA", client)
	for _, who := range []*Identity{&l.ManagedIdentity, &l.Application, &l.Okta} {
		l.complete(who, client)
	}
	l.OIDC = map[string]Identity{}
	for server, c := range l.app.OIDCClients() {
		who := identityOf(credentials{client: client, url: c.TokenURL, id: c.ID, secret: c.Secret, basic: c.Basic}, "pool-"+server)
		l.complete(&who, client)
		l.OIDC[server] = who
	}
}

// complete fills in what all identities have.
func (l *Lab) complete(who *Identity, client *http.Client) {
	who.Extensions = map[string]string{"logicalCluster": l.Cluster, "identityPoolId": who.Pool}
	who.emulator = client
}

// withSecret is the identity of the variables that begin with prefix.
func (l *Lab) withSecret(prefix string, client *http.Client) Identity {
	return identityOf(credentials{
		client: client, url: l.Env[prefix+"_TOKEN_URL"], id: l.Env[prefix+"_CLIENT_ID"],
		secret: l.Env[prefix+"_CLIENT_SECRET"], scope: l.Env[prefix+"_SCOPE"],
	}, l.Env[prefix+"_IDENTITY_POOL_ID"])
}

func identityOf(c credentials, pool string) Identity {
	return Identity{Source: c, ClientID: c.id, Pool: pool, faults: faultsOf(c.url)}
}

// faultsOf is where the emulator of a token endpoint takes faults.
func faultsOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/_lab/faults"
}

// Fault makes the emulator that gives this identity its tokens fail, its key
// set included: by a JSON object in the form of docs/lab.md such as
// {"status": 429, "header": {"Retry-After": "1"}, "times": 2}. Identities whose
// emulators share an address share the fault: Okta and all of OIDC do. It takes
// the place of the fault before; the empty text ends it.
func (i Identity) Fault(json string) error {
	method := http.MethodPost
	if json == "" {
		method = http.MethodDelete
	}
	req, err := http.NewRequest(method, i.faults, strings.NewReader(json))
	if err != nil {
		return err
	}
	resp, err := i.emulator.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return fmt.Errorf("the fault is not taken: %s", text)
	}
	return nil
}

// credentials are a client's at a token endpoint (RFC 6749, section 4.4.2). They
// are sent in the request's body, or else in its header (section 2.3.1).
type credentials struct {
	client                 *http.Client
	url, id, secret, scope string
	basic                  bool
}

// maxAnswer is the largest answer of a token endpoint that is read, in bytes.
const maxAnswer = 256 << 10

// Token asks for a token.
func (c credentials) Token(ctx context.Context) (token.Token, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if c.scope != "" {
		form.Set("scope", c.scope)
	}
	if !c.basic {
		form.Set("client_id", c.id)
		form.Set("client_secret", c.secret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(form.Encode()))
	if err != nil {
		return token.Token{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if c.basic {
		req.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(c.secret))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return token.Token{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return token.Token{}, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return token.Token{}, fmt.Errorf("%s answered %s without a JSON object", c.url, resp.Status)
	}
	if resp.StatusCode != http.StatusOK {
		return token.Token{}, fmt.Errorf("%s answered %s: %s: %s", c.url, resp.Status, answer.Error, answer.Description)
	}
	if answer.AccessToken == "" {
		return token.Token{}, errors.New(c.url + ` answered 200 without a JSON member "access_token"`)
	}
	return token.New(answer.AccessToken, time.Now())
}
