package files

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/iam"
)

var (
	uuid  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	claim = regexp.MustCompile(`^claims(\.[A-Za-z_][A-Za-z0-9_]*|\['[^']+'\]|\["[^"]+"\])+$`)
)

func (l *loader) organization(doc *config.Document) {
	var o organization
	if l.orgAt != "" {
		l.fail(doc, nil, "a second Organization, expected one, which is at %s", l.orgAt)
	}
	l.orgAt = doc.Where(nil)
	if !l.decode(doc, &o) {
		return
	}
	if !uuid.MatchString(o.ID) {
		l.fail(doc, &o.ID, "id %.64q is no UUID in lower case", o.ID)
	}
	if !validID(o.Environment, "env-") {
		l.fail(doc, &o.Environment, "environment %.64q is not valid, expected env- and letters, digits, hyphens or underscores", o.Environment)
	}
	l.snapshot.Organization = iam.Organization{ID: o.ID, Environment: o.Environment}
}

func (l *loader) provider(doc *config.Document) {
	var p identityProvider
	ok := l.decode(doc, &p)
	if !l.register(doc, &p.ID, "op-") || !ok {
		return
	}
	l.settings(doc, &p)
	l.audiences(doc, &p)
	l.identityClaim(doc, &p.IdentityClaim)
	if p.Issuer != "" && !p.Disabled {
		if earlier, taken := l.issuers[p.Issuer]; taken {
			l.fail(doc, nil, "issuer %s has an enabled provider already, at %s", p.Issuer, earlier)
		}
		l.issuers[p.Issuer] = doc.Where(nil)
	}
	for setting, pointer := range map[string]any{"issuer": &p.Issuer, "jwks_uri": &p.JWKSURI, "audiences": &p.Audiences, "identity_claim": &p.IdentityClaim} {
		l.place(doc, p.ID, setting, pointer)
	}
	l.snapshot.Providers[p.ID] = iam.Provider{
		ID: p.ID, DisplayName: p.DisplayName, Description: p.Description,
		Issuer: p.Issuer, JWKSURI: p.JWKSURI, CA: l.authorities(doc, &p.CA), Entra: p.Type == "entra",
		Audiences: p.Audiences, RequireAudience: p.RequireAudience, IdentityClaim: p.IdentityClaim, Disabled: p.Disabled,
		Origin: doc.Where(nil),
	}
}

// settings checks issuer and key set; for entra_tenant it fills them in.
func (l *loader) settings(doc *config.Document, p *identityProvider) {
	if p.EntraTenant != "" {
		if p.Issuer != "" || p.JWKSURI != "" || p.Type != "" {
			l.fail(doc, &p.EntraTenant, "entra_tenant stands beside issuer, jwks_uri or type, expected it alone, since it stands for them")
			return
		}
		tenant := strings.ToLower(p.EntraTenant)
		if !uuid.MatchString(tenant) {
			l.fail(doc, &p.EntraTenant, "entra_tenant %.64q is no tenant id, expected a UUID", p.EntraTenant).
				Mend("common, organizations and names of domains stand for no single tenant; the portal shows the id as Directory (tenant) ID")
			return
		}
		p.Type = "entra"
		p.Issuer = "https://login.microsoftonline.com/" + tenant + "/v2.0"
		p.JWKSURI = "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys"
		return
	}
	if p.Type != "" && p.Type != "entra" {
		l.fail(doc, &p.Type, "type %.32q is unknown, expected entra or none", p.Type)
	}
	issuer := l.url(doc, &p.Issuer, "issuer")
	keys := l.url(doc, &p.JWKSURI, "jwks_uri")
	if issuer != nil && issuer.RawQuery != "" {
		l.fail(doc, &p.Issuer, "issuer %s has a query, expected none (OpenID Connect Discovery 1.0, section 3)", p.Issuer)
	}
	if keys != nil {
		l.reachable(doc, p, keys)
	}
	if issuer != nil && keys != nil {
		l.microsoft(doc, p, issuer, keys)
	}
}

func (l *loader) audiences(doc *config.Document, p *identityProvider) {
	for i, a := range p.Audiences {
		switch {
		case a == "":
			l.fail(doc, &p.Audiences[i], "an audience is empty")
		case slices.Contains(p.Audiences[:i], a):
			l.fail(doc, &p.Audiences[i], "audience %.80q stands twice", a)
		}
	}
	if p.Audiences != nil && len(p.Audiences) == 0 {
		l.fail(doc, &p.Audiences, "audiences has none, expected at least one").Mend("leave the setting out to leave aud to the pools' filters")
	}
}

func (l *loader) identityClaim(doc *config.Document, c *string) {
	if *c != "" && !claim.MatchString(*c) {
		l.fail(doc, c, "identity_claim %.80q is not valid, expected claims.NAME such as claims.sub, or claims['A:B']", *c)
	}
}

// authorities reads a CA file, relative to the document that names it.
func (l *loader) authorities(doc *config.Document, ca *config.Path) string {
	if *ca == "" {
		return ""
	}
	name := string(*ca)
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(doc.File()), name)
	}
	l.cas = append(l.cas, name)
	data, err := l.o.ReadFile(name)
	if err != nil {
		cause := err.Error()
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			cause = path.Err.Error()
		}
		l.fail(doc, ca, "cannot read %s: %s", name, cause)
		return ""
	}
	if len(data) > config.MaxDocument || !x509.NewCertPool().AppendCertsFromPEM(data) {
		l.fail(doc, ca, "%s has no certificate in PEM", name)
		return ""
	}
	return string(data)
}
