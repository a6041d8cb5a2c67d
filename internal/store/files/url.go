package files

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/klammhq/klamm/internal/config"
)

// url checks an address that tokens are verified by; nil when it is not good.
func (l *loader) url(doc *config.Document, raw *string, name string) *url.URL {
	if *raw == "" {
		l.fail(doc, raw, "%s is missing, expected an https address", name)
		return nil
	}
	u, err := url.Parse(*raw)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		l.fail(doc, raw, "%s is no address, expected https://HOST/PATH", name)
	case strings.ContainsAny(*raw, "{}"):
		l.fail(doc, raw, "%s %s has a { or }, expected one issuer and no pattern", name, *raw).Mend("put the tenant's id in place of {tenantid}")
	case u.User != nil:
		l.fail(doc, raw, "%s has a user, expected none", name)
	case u.Fragment != "" || strings.HasSuffix(*raw, "#"):
		l.fail(doc, raw, "%s %s has a fragment, expected none", name, *raw)
	case u.Scheme != "https" && (u.Scheme != "http" || !l.o.Lab || !loopback(u.Hostname())):
		l.fail(doc, raw, "%s is an address of %.16q, expected https", name, u.Scheme)
	default:
		return u
	}
	return nil
}

// reachable refuses hosts that no key set is on: a document must not make
// klamm ask the metadata services of clouds, which live on link-local
// addresses (docs/security.md row 5).
func (l *loader) reachable(doc *config.Document, p *identityProvider, keys *url.URL) {
	host := keys.Hostname()
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	switch {
	case err == nil && (ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified()):
		l.fail(doc, &p.JWKSURI, "jwks_uri is on %s, expected no link-local, multicast or unspecified address", host)
	case err != nil && looksNumeric(host):
		l.fail(doc, &p.JWKSURI, "jwks_uri is on %.80q, expected a name, or an IP address in its usual form", host)
	}
}

// looksNumeric finds the other spellings of an IPv4 address, such as
// 2852039166 or 0xa9fea9fe, that some resolvers take (WHATWG URL, section 3.5,
// "ends in a number").
func looksNumeric(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := strings.ToLower(labels[len(labels)-1])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		_, err := strconv.ParseUint("0"+hex, 16, 64)
		return err == nil
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
