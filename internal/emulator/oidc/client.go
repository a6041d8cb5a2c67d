package oidc

import (
	"net/http"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// authenticate finds the client that a request proves to be from, by
// client_secret_basic or client_secret_post.
func (p *Provider) authenticate(r *http.Request, form httpd.Form) (Client, reason, bool) {
	sent, err := httpd.ReadClient(r, form)
	_, named := form["client_id"]
	switch {
	case err != nil && fault.KindOf(err) == fault.Invalid:
		return Client{}, twoCredentials, false
	case err != nil:
		return Client{}, badCredentials, false
	case sent.Method == "":
		return Client{}, noCredentials, false
	case sent.Method == httpd.SecretBasic && named && p.shape.basicAlone:
		return Client{}, twoCredentials, false
	}
	client, known := p.clients[sent.ID]
	switch {
	case !known:
		return Client{}, unknownClient, false
	case !sent.Sent(client.Secret):
		return Client{}, wrongSecret, false
	case client.Disabled:
		return Client{}, disabledClient, false
	}
	return client, 0, true
}
