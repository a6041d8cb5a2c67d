package oidc

import (
	"net/http"
	"slices"
	"sync"

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
	client, known := p.clients.find(sent.ID)
	switch {
	case !known:
		return Client{}, unknownClient, false
	case !sent.Sent(client.Secret):
		return Client{}, wrongSecret, false
	case client.Disabled:
		return Client{}, disabledClient, false
	case client.Method != "" && client.Method != sent.Method:
		return Client{}, wrongMethod, false
	}
	return client, 0, true
}

// clients are a provider's, in the order in which they came. The zero value has
// none.
type clients struct {
	mu   sync.RWMutex
	list []Client
}

func (c *clients) set(list []Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = slices.Clone(list)
}

func (c *clients) all() []Client {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.list)
}

func (c *clients) find(id string) (Client, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if i := c.index(id); i >= 0 {
		return c.list[i], true
	}
	return Client{}, false
}

func (c *clients) index(id string) int {
	return slices.IndexFunc(c.list, func(one Client) bool { return one.ID == id })
}

// change does what do says with the list and the place of a client in it, -1
// for one that is not there; an error of do changes nothing.
func (c *clients) change(id string, do func(list []Client, at int) ([]Client, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := do(slices.Clone(c.list), c.index(id))
	if err != nil {
		return err
	}
	c.list = list
	return nil
}
