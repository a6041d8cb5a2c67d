package entra

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/secret"
)

// assertionType is that of a JWT (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clockSkew is how far clocks of clients and issuers may be off.
const clockSkew = 5 * time.Minute

// byAssertion authenticates p by a JWT: one that the client signed itself, or
// one of an issuer that a federated credential of it trusts.
func (e *Entra) byAssertion(ctx context.Context, t *tenant, p *principal, form httpd.Form) (proof, error) {
	switch form["client_assertion_type"] {
	case assertionType:
	case "":
		return proof{}, refuse(900144, "client_assertion_type")
	default:
		return proof{}, refuse(9002313)
	}
	token, err := jwt.Parse(secret.New(form["client_assertion"]))
	if jwt.ProblemOf(err) == jwt.BadAlgorithm {
		return proof{}, refuse(5002738, "RS256")
	}
	if err != nil {
		return proof{}, refuse(50027, err.Error())
	}
	switch issuer := token.Issuer(); {
	case issuer == "":
		return proof{}, refuse(50027, "there is no iss")
	case strings.EqualFold(issuer, p.clientID):
		return e.byCertificate(t, p, token)
	case isUUID(issuer):
		return proof{}, refuse(700021, issuer)
	}
	return e.byFederation(ctx, p, token)
}

// byCertificate checks an assertion that the client signed with the key of a
// certificate.
//
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials
func (e *Entra) byCertificate(t *tenant, p *principal, token *jwt.Token) (proof, error) {
	if token.Subject() != token.Issuer() {
		return proof{}, refuse(50048, token.Subject(), token.Issuer())
	}
	if _, one := token.Claims["aud"].(string); !one {
		return proof{}, refuse(50027, "its aud is not one string")
	}
	if aud := token.Text("aud"); !slices.Contains(e.assertionAudiences(t), aud) {
		return proof{}, refuse(700023, aud, e.TokenURL(t.id))
	}
	if err := e.inTime(token); err != nil {
		return proof{}, err
	}
	if token.Alg != "RS256" && token.Alg != "PS256" {
		return proof{}, refuse(5002738, "RS256 or PS256")
	}
	if token.X5T == "" && token.X5TS256 == "" {
		return proof{}, refuse(700027, p.clientID, "The header has neither x5t#S256 nor x5t, which name the certificate.")
	}
	i := slices.IndexFunc(p.certificates, func(c certificate) bool { return c.named(token) })
	if i < 0 {
		return proof{}, refuse(700027, p.clientID, "The key was not found. Thumbprint of key used by client: '"+token.X5TS256+token.X5T+"'")
	}
	c := p.certificates[i]
	if now := e.config.Now(); now.Before(c.begins) || !now.Before(c.ends) {
		return proof{}, refuse(700027, p.clientID, "The key used is expired. Found key 'Start="+stamp(c.begins)+", End="+stamp(c.ends)+"'")
	}
	if token.Verify(c.key) != nil {
		return proof{}, refuse(700027, p.clientID, "The key was found, but use of the key to verify the signature failed.")
	}
	return proof{ByCertificate, c.id}, nil
}

// assertionAudiences are what Entra ID takes for itself: its token endpoints,
// and its issuers.
func (e *Entra) assertionAudiences(t *tenant) []string {
	list := []string{e.Issuer(t.id, 1), e.Issuer(t.id, 2)}
	for _, name := range []string{t.id, t.domain} {
		if at := e.baseURL() + "/" + name; name != "" && e.baseURL() != "" {
			list = append(list, at+"/oauth2/v2.0/token", at+"/oauth2/token", at+"/v2.0")
		}
	}
	return list
}

// inTime compares nbf and exp with the clock. A token must end; Entra ID does
// not say how long it may live.
func (e *Entra) inTime(token *jwt.Token) error {
	begins, err := token.NotBefore()
	if err != nil {
		return refuse(50027, err.Error())
	}
	ends, err := token.Expires()
	if err != nil {
		return refuse(50027, err.Error())
	}
	now := e.config.Now()
	if now.Add(clockSkew).Before(begins) || !now.Add(-clockSkew).Before(ends) || !begins.Before(ends) {
		return refuse(700024, stamp(now), stamp(begins), stamp(ends))
	}
	return nil
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// byFederation checks an assertion of an issuer that p trusts.
func (e *Entra) byFederation(ctx context.Context, p *principal, token *jwt.Token) (proof, error) {
	credential, err := e.federated(p, token)
	if err != nil {
		return proof{}, err
	}
	if err := e.inTime(token); err != nil {
		return proof{}, err
	}
	if token.Alg != "RS256" {
		return proof{}, refuse(5002738, "RS256")
	}
	if e.config.IssuerKeys == nil {
		return proof{}, refuse(50166, "Nothing is configured that fetches keys of '"+credential.Issuer+"'")
	}
	key, err := e.config.IssuerKeys.Key(ctx, credential.Issuer, token.Kid)
	if fault.KindOf(err) == fault.NotFound {
		return proof{}, refuse(700027, p.clientID, "The issuer does not publish the key '"+token.Kid+"'.")
	}
	if err != nil {
		return proof{}, refuse(50166, err.Error())
	}
	if token.Verify(key) != nil {
		return proof{}, refuse(700027, p.clientID, "The issuer's key was found, but use of the key to verify the signature failed.")
	}
	return proof{ByFederatedCredential, credential.Name}, nil
}
