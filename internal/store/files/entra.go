package files

import (
	"net/url"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/config"
	"github.com/klammhq/klamm/internal/iam"
)

// microsoft refuses foreign keys for Microsoft's issuers: with them, whoever
// wrote the document could make tokens of somebody else's tenant.
func (l *loader) microsoft(doc *config.Document, p *identityProvider, issuer, keys *url.URL) {
	m := iam.MicrosoftOf(p.Issuer)
	if m.Issuer && !m.Serves(p.JWKSURI) && (!l.o.Lab || !loopback(keys.Hostname())) {
		l.fail(doc, &p.JWKSURI, "jwks_uri is on %s, expected a host of Microsoft's, as the issuer is", keys.Host).
			Mend("for Entra ID write entra_tenant instead of issuer and jwks_uri")
	}
	if m.Entra && p.Type != "entra" {
		l.fail(doc, nil, "type is missing, expected entra, since the issuer is Microsoft's")
	}
	if (m.Entra || p.Type == "entra") && !slices.ContainsFunc(strings.Split(issuer.Path, "/"), uuid.MatchString) {
		l.fail(doc, &p.Issuer, "issuer %s names no tenant, expected the tenant's id in lower case in it", p.Issuer).
			Mend("common and organizations accept every tenant there is")
	}
}
