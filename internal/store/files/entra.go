package files

import (
	"net/url"
	"slices"
	"strings"

	"github.com/klammhq/klamm/internal/config"
)

// microsoft lists the hosts of Microsoft's issuers and the hosts that their key
// sets are on. A name that begins with a dot stands for every host below it,
// whose keys are on that same host.
var microsoft = []struct {
	issuers, keys []string
	entra         bool // issuer of Entra ID proper, whose tokens the checks of type: entra fit
}{
	{[]string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"},
		[]string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com"}, true},
	{[]string{"login.microsoftonline.us", "sts.windows.net"}, []string{"login.microsoftonline.us"}, true},
	{[]string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "sts.chinacloudapi.cn"},
		[]string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}, true},
	{[]string{"login.microsoftonline.de", "sts.microsoftonline.de"}, []string{"login.microsoftonline.de"}, true},
	{issuers: []string{".ciamlogin.com", ".b2clogin.com"}},
}

// microsoft refuses foreign keys for Microsoft's issuers: with them, whoever
// wrote the document could make tokens of somebody else's tenant.
func (l *loader) microsoft(doc *config.Document, p *identityProvider, issuer, keys *url.URL) {
	host := canonical(issuer)
	known, entra, fits := false, false, false
	for _, m := range microsoft {
		for _, name := range m.issuers {
			if host != name && (name[0] != '.' || !strings.HasSuffix(host, name)) {
				continue
			}
			known, entra = true, m.entra
			fits = fits || slices.Contains(m.keys, canonical(keys)) || name[0] == '.' && canonical(keys) == host
		}
	}
	if known && (!fits || keys.Port() != "" && keys.Port() != "443") && (!l.o.Lab || !loopback(keys.Hostname())) {
		l.fail(doc, &p.JWKSURI, "jwks_uri is on %s, expected a host of Microsoft's, as the issuer is", keys.Host).
			Mend("for Entra ID write entra_tenant instead of issuer and jwks_uri")
	}
	if entra && p.Type != "entra" {
		l.fail(doc, nil, "type is missing, expected entra, since the issuer is Microsoft's")
	}
	if (entra || p.Type == "entra") && !slices.ContainsFunc(strings.Split(issuer.Path, "/"), uuid.MatchString) {
		l.fail(doc, &p.Issuer, "issuer %s names no tenant, expected the tenant's id in lower case in it", p.Issuer).
			Mend("common and organizations accept every tenant there is")
	}
}

// canonical is the host as DNS compares it.
func canonical(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }
