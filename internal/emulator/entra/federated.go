package entra

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/jwt"
)

// Limits of federated credentials.
//
// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
const (
	maxFederated = 20 // of one application or identity
	maxFederal   = 600
)

var federatedName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$`)

// federated finds the credential that a token is for. Issuer, subject and
// audience are compared byte for byte, and all three must be of one credential.
func (e *Entra) federated(p *principal, token *jwt.Token) (FederatedCredential, error) {
	issuer, subject, audiences := token.Issuer(), token.Subject(), token.Audiences()
	if slices.ContainsFunc(e.tenants, func(d *directory) bool {
		id := d.current.Load().id
		return issuer == e.Issuer(id, 1) || issuer == e.Issuer(id, 2)
	}) {
		return FederatedCredential{}, refuse(700222, issuer)
	}
	if len(p.federated) == 0 {
		return FederatedCredential{}, refuse(70025, p.clientID)
	}
	var ofIssuer, ofSubject, wanted []FederatedCredential
	for _, c := range p.federated {
		if c.Subject == subject {
			ofSubject = append(ofSubject, c)
		}
		if c.Issuer == issuer {
			ofIssuer = append(ofIssuer, c)
		}
		if c.Issuer == issuer && c.Subject == subject {
			wanted = append(wanted, c)
		}
	}
	switch {
	case len(ofIssuer) == 0:
		return FederatedCredential{}, refuse(700211, issuer)
	case len(ofSubject) == 0:
		return FederatedCredential{}, refuse(700213, subject)
	case len(wanted) == 0:
		return FederatedCredential{}, refuse(70021, issuer, subject)
	}
	for _, c := range wanted {
		if slices.Contains(audiences, c.Audience) {
			return c, nil
		}
	}
	return FederatedCredential{}, refuse(700212, strings.Join(audiences, " "), wanted[0].Audience)
}

// checkFederated completes the credentials of one application or identity and
// refuses what Entra ID would not register.
func checkFederated(list []FederatedCredential, at string) error {
	if len(list) > maxFederated {
		return fault.New(fault.Invalid, "%d federated credentials, expected at most %d", len(list), maxFederated).At(at)
	}
	for i := range list {
		c := &list[i]
		if c.Audience == "" {
			c.Audience = ExchangeAudience
		}
		if !federatedName.MatchString(c.Name) {
			return fault.New(fault.Invalid, "the federated credential's name %q, expected 3 to 120 letters, digits, hyphens or underscores", show(c.Name)).At(at)
		}
		if err := checkIssuerURL(c.Issuer); err != nil || len(c.Issuer) > maxFederal {
			return fault.New(fault.Invalid, "the issuer %q, expected https://HOST/PATH of up to %d bytes, or http on loopback", show(c.Issuer), maxFederal).
				At(at + ", federated credential " + c.Name)
		}
		for _, text := range []string{c.Subject, c.Audience} {
			unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
			if text == "" || len(text) > maxFederal || strings.TrimSpace(text) != text || strings.ContainsFunc(text, unprintable) {
				return fault.New(fault.Invalid, "the subject or audience %q, expected up to %d printable bytes", show(text), maxFederal).
					At(at + ", federated credential " + c.Name)
			}
		}
		for _, other := range list[:i] {
			if other.Name == c.Name || other.Issuer == c.Issuer && other.Subject == c.Subject {
				return fault.New(fault.Invalid, "the federated credentials %s and %s have one name, or one issuer and subject", other.Name, c.Name).At(at)
			}
		}
	}
	return nil
}
