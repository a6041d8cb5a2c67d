package oidc

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// commands change a server by the JSON of a request.
var commands = map[string]func(*Host, *http.Request) (Answer, error){
	"add-client":    by((*Provider).addClient),
	"set-client":    by((*Provider).setClient),
	"remove-client": by((*Provider).removeClient),
	"rotate-keys":   by((*Provider).rotateKeys),
	"token":         by((*Provider).makeToken),
}

// clientAt names a client of a server.
type clientAt struct {
	at
	ClientID string `json:"client_id"`
}

type newClient struct {
	clientAt
	Roles  []string `json:"roles"`
	Method string   `json:"token_endpoint_auth_method"`
}

func (p *Provider) addClient(c newClient) (Answer, error) {
	made := Client{ID: c.ClientID, Roles: c.Roles, Method: c.Method}
	a := Answer{Done: fmt.Sprintf("%s has the client %s; its tokens are made by the command token", p.name, made.ID)}
	if p.shape.token != "" {
		a.Secret = rand.Text()
		made.Secret = secret.New(a.Secret)
		a.Done = fmt.Sprintf("%s has the client %s; its secret is shown this once", p.name, made.ID)
	}
	if err := made.check(p.shape); err != nil {
		return Answer{}, err
	}
	return a, p.clients.change(made.ID, func(list []Client, at int) ([]Client, error) {
		if at >= 0 {
			return nil, fault.New(fault.Conflict, "%s has the client %s already", p.name, made.ID).At("client_id")
		}
		return append(list, made), nil
	})
}

// clientSettings changes what is not nil.
type clientSettings struct {
	clientAt
	Enabled *bool     `json:"enabled"`
	Roles   *[]string `json:"roles"`
	Method  *string   `json:"token_endpoint_auth_method"`
}

func (p *Provider) setClient(c clientSettings) (Answer, error) {
	if c.Enabled == nil && c.Roles == nil && c.Method == nil {
		return Answer{}, fault.New(fault.Invalid, "nothing is set, expected enabled, roles or token_endpoint_auth_method")
	}
	done := Answer{Done: c.ClientID + " is set; tokens from now on follow it"}
	return done, p.changeClient(c.ClientID, func(list []Client, at int) ([]Client, error) {
		changed := &list[at]
		if c.Enabled != nil {
			changed.Disabled = !*c.Enabled
		}
		if c.Roles != nil {
			changed.Roles = *c.Roles
		}
		if c.Method != nil {
			changed.Method = *c.Method
		}
		if err := changed.check(p.shape); err != nil {
			return nil, err
		}
		return list, nil
	})
}

func (p *Provider) removeClient(c clientAt) (Answer, error) {
	done := Answer{Done: c.ClientID + " is a client no more; tokens that it has still verify"}
	return done, p.changeClient(c.ClientID, func(list []Client, at int) ([]Client, error) { return slices.Delete(list, at, at+1), nil })
}

// changeClient changes a client that is there.
func (p *Provider) changeClient(id string, do func(list []Client, at int) ([]Client, error)) error {
	return p.clients.change(id, func(list []Client, at int) ([]Client, error) {
		if at < 0 {
			return nil, p.noClient(id)
		}
		return do(list, at)
	})
}

func (p *Provider) noClient(id string) error {
	return fault.New(fault.NotFound, "%s has no client %.255q", p.name, id).At("client_id").Mend("add-client makes one; case counts")
}

type rotation struct {
	at
	Step string `json:"step"`
}

// rotations are the steps of a rotation of a server's signing key.
var rotations = map[string]struct {
	done  string
	steps []func(*Provider) error
}{
	"":        {"a new key is published and signs; the old one still verifies until the step remove", []func(*Provider) error{checkKnown, publishNew, signNew}},
	"publish": {"the new key is published", []func(*Provider) error{publishNew}},
	"sign":    {"a new key signs", []func(*Provider) error{signNew}},
	"remove":  {"the keys that signed before are published no more", []func(*Provider) error{(*Provider).RemoveOldKey}},
}

func checkKnown(p *Provider) error { return p.keys.now().checkKnown() }
func publishNew(p *Provider) error { return p.PublishKey(nil) }

// signNew signs with a key that is published for it, else with one that is not.
func signNew(p *Provider) error {
	if p.keys.now().next != nil {
		return p.SignWithNewKey()
	}
	return p.SignWithUnpublishedKey(nil)
}

func (p *Provider) rotateKeys(c rotation) (Answer, error) {
	row, known := rotations[c.Step]
	if !known {
		return Answer{}, fault.New(fault.Invalid, "there is no step %.64q, expected %q, or none for publish and sign", c.Step, slices.Sorted(maps.Keys(rotations))[1:]).At("step")
	}
	for _, step := range row.steps {
		if err := step(p); err != nil {
			return Answer{}, err
		}
	}
	done := row.done
	if checkKnown(p) != nil {
		done += "; it is in no key set until the step publish"
	}
	return Answer{Done: done}, nil
}

type tokenFor struct {
	clientAt
	Audience []string `json:"audience"` // of a service account's token; the server's when absent
}

// makeToken issues a token to a client without its secret, with all scopes of
// the server.
func (p *Provider) makeToken(c tokenFor) (Answer, error) {
	client, known := p.clients.find(c.ClientID)
	audience := c.Audience
	switch {
	case !known:
		return Answer{}, p.noClient(c.ClientID)
	case client.Disabled:
		return Answer{}, fault.New(fault.Conflict, "the client %s is disabled", client.ID).At("client_id").Mend("enable it with set-client")
	case len(audience) > 0 && p.shape.token != "":
		return Answer{}, fault.New(fault.Invalid, "tokens of this shape have the server's audience, expected none").At("audience")
	case slices.Contains(audience, ""):
		return Answer{}, fault.New(fault.Invalid, "an audience is empty, expected a text").At("audience")
	case len(audience) == 0:
		audience = []string{p.audience}
	}
	text, err := p.issue(client, p.scopes, audience, 0)
	return Answer{Token: text}, err
}
