package entra

import (
	"fmt"
	"slices"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

type newSecret struct {
	reference
	Ends *time.Time `json:"endDateTime"` // never when null; one in the past makes a secret that has ended
}

func addSecret(t *Tenant, c newSecret) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	if a.Public {
		return result{}, fault.New(fault.Invalid, "%s is a public client, which has no secret", a.Name)
	}
	made := NewSecret{KeyID: newUUID(), Text: "kL8Q~" + opaque(26), Ends: c.Ends} // 40 characters and a tilde, as at Microsoft
	one := Secret{ID: made.KeyID, Value: secret.New(made.Text)}
	if c.Ends != nil {
		one.Ends = *c.Ends
	}
	a.Secrets = append(a.Secrets, one)
	return result{done: a.Name + " has a new secret, shown this once; clients send its text, not its keyId", clientID: a.ClientID, secret: &made}, nil
}

// keyOf names a secret or certificate of an application.
type keyOf struct {
	reference
	KeyID string `json:"keyId"`
}

func removeSecret(t *Tenant, c keyOf) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	return a.without(&c, "secret", remove(&a.Secrets, func(s Secret) bool { return s.ID == c.KeyID }))
}

type newCertificateOf struct {
	reference
	Certificate string `json:"certificate"` // PEM
}

func addCertificate(t *Tenant, c newCertificateOf) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	one := Certificate{PEM: c.Certificate}
	read, err := newCertificate(&one, a.Name)
	if err != nil {
		return result{}, err
	}
	a.Certificates = append(a.Certificates, one)
	return result{done: fmt.Sprintf("%s has the certificate with x5t#S256 %s", a.Name, read.x5tS256), clientID: a.ClientID}, nil
}

func removeCertificate(t *Tenant, c keyOf) (result, error) {
	a, err := t.application("id", c.ID)
	if err != nil {
		return result{}, err
	}
	return a.without(&c, "certificate", remove(&a.Certificates, func(one Certificate) bool { return one.ID == c.KeyID }))
}

// without tells that a secret or certificate was removed, or was none.
func (a *Application) without(c *keyOf, what string, removed bool) (result, error) {
	if !removed {
		return result{}, fault.New(fault.NotFound, "%s has no %s %q, expected a keyId as list shows it", a.Name, what, show(c.KeyID)).At("keyId")
	}
	return result{done: fmt.Sprintf("%s has the %s %s no longer", a.Name, what, c.KeyID), clientID: a.ClientID}, nil
}

// remove takes what matches out of a list, and reports whether there was any.
func remove[T any](list *[]T, matches func(T) bool) bool {
	before := len(*list)
	*list = slices.DeleteFunc(*list, matches)
	return len(*list) < before
}

type newFederated struct {
	reference
	Name     string `json:"name"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Audience string `json:"audience"`
}

func addFederated(t *Tenant, c newFederated) (result, error) {
	who, err := t.assignee(c.ID)
	if err != nil {
		return result{}, err
	}
	*who.federated = append(*who.federated, FederatedCredential{c.Name, c.Issuer, c.Subject, c.Audience})
	if err := checkFederated(*who.federated, who.name); err != nil {
		return result{}, err
	}
	return result{done: fmt.Sprintf("%s trusts %s to say who is %s", who.name, c.Issuer, c.Subject), clientID: who.clientID}, nil
}

type federatedOf struct {
	reference
	Name string `json:"name"`
}

func removeFederated(t *Tenant, c federatedOf) (result, error) {
	who, err := t.assignee(c.ID)
	if err != nil {
		return result{}, err
	}
	if !remove(who.federated, func(one FederatedCredential) bool { return one.Name == c.Name }) {
		return result{}, fault.New(fault.NotFound, "%s has no federated credential %q", who.name, show(c.Name)).At("name")
	}
	return result{done: fmt.Sprintf("%s has the federated credential %s no longer", who.name, c.Name), clientID: who.clientID}, nil
}
