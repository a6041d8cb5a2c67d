package entra

import (
	"context"
	"net/http"
	"strings"

	"github.com/klammhq/klamm/internal/httpd"
)

// Ways in which a client shows who it is, as [Issued] names them.
const (
	BySecret              = "client_secret"
	ByCertificate         = "certificate"
	ByFederatedCredential = "federated_credential"
	ByPlatform            = "managed_identity" // Azure keeps the credential
)

// proof is how a client has shown who it is.
type proof struct {
	way        string
	credential string // its key id or name; empty with ByPlatform
}

// acr is the claim azpacr or appidacr: 1 for a secret, 2 for a certificate or
// an assertion of another issuer.
func (p proof) acr() string {
	if p.way == BySecret {
		return "1"
	}
	return "2"
}

// authenticate finds the client of a token request and sees that it is the one
// it says to be.
func (e *Entra) authenticate(ctx context.Context, t *tenant, client httpd.Client, form httpd.Form) (*principal, proof, error) {
	p, err := t.client(client.ID)
	if err != nil {
		return nil, proof{}, err
	}
	asserts := form["client_assertion"] != ""
	secretSent := client.Method == httpd.SecretBasic || client.Method == httpd.SecretPost && form["client_secret"] != ""
	var by proof
	switch {
	case p.disabled:
		err = refuse(7000112, p.clientID)
	case !secretSent && !asserts:
		err = refuse(7000218)
	case p.app != nil && p.app.Public:
		err = refuse(700025, p.clientID)
	case secretSent && asserts: // RFC 6749 section 2.3: one way in each request
		err = refuse(9002313)
	case asserts:
		by, err = e.byAssertion(ctx, t, p, form)
	case p.managed:
		err = refuse(7000232, p.clientID)
	default:
		by, err = e.bySecret(p, client)
	}
	return p, by, err
}

// client finds the service principal with a client id.
func (t *tenant) client(clientID string) (*principal, error) {
	id := strings.ToLower(clientID)
	if !isUUID(id) || id == "00000000-0000-0000-0000-000000000000" {
		return nil, refuse(700038, clientID)
	}
	p := t.principals[id]
	if p == nil || p.app != nil && p.app.NoServicePrincipal {
		return nil, refuse(700016, id, t.id)
	}
	return p, nil
}

// bySecret compares all secrets, so that the time says nothing about which it was.
func (e *Entra) bySecret(p *principal, client httpd.Client) (proof, error) {
	now := e.config.Now()
	ended, by := false, proof{}
	for _, s := range p.app.Secrets {
		switch sent := client.Sent(s.Value); {
		case sent && !s.Ends.IsZero() && !now.Before(s.Ends):
			ended = true
		case sent:
			by = proof{BySecret, s.ID}
		}
	}
	switch {
	case by.way != "":
		return by, nil
	case ended:
		return proof{}, refuse(7000222, p.clientID)
	}
	return proof{}, refuse(7000215, p.clientID)
}

// clientCredentials serves a token request (RFC 6749 section 4.4).
func (e *Entra) clientCredentials(r *http.Request, resource func(httpd.Form) (string, error)) (Grant, error) {
	if r.Method != http.MethodPost {
		return Grant{}, refuse(900561, r.Method)
	}
	t, err := e.namedTenant(r.PathValue("tenant"))
	if err != nil {
		return Grant{}, err
	}
	form, err := httpd.ReadForm(r)
	if err != nil {
		return Grant{}, refuse(9002313)
	}
	switch grant := form["grant_type"]; grant {
	case "":
		return Grant{}, refuse(900144, "grant_type")
	case "client_credentials":
	default:
		return Grant{}, refuse(70003, grant)
	}
	client, err := httpd.ReadClient(r, form)
	if err != nil {
		return Grant{}, refuse(9002313)
	}
	if client.ID == "" {
		return Grant{}, refuse(900144, "client_id")
	}
	asked, err := resource(form)
	if err != nil {
		return Grant{}, err
	}
	p, by, err := e.authenticate(r.Context(), t, client, form)
	if err != nil {
		return Grant{}, err
	}
	return e.grant(r.Context(), t, p, by, asked)
}
