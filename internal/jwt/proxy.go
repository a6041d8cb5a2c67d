package jwt

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/secret"
)

// Proxy is an HTTP proxy through which key sets are fetched, by CONNECT (RFC
// 9110 section 9.3.6), so that TLS ends at the provider. The zero value is none;
// that of the environment is never used: a proxy resolves names itself, and
// klamm cannot check the addresses behind them any more. Somebody has to want that.
//
// What remains is checked: a URL with a forbidden address is refused, and a
// redirect must not leave its host.
type Proxy struct {
	URL      string // http://HOST:PORT
	Username string // "": no login
	Password secret.String
	// Direct are hosts that are reached without it: a name, or every name under
	// one that begins with a dot.
	Direct []string
}

func (p Proxy) address() (*url.URL, error) {
	u, err := url.Parse(p.URL)
	switch {
	case err != nil || u.Scheme != "http" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, fault.New(fault.Invalid, "the address of the proxy is not http://HOST:PORT")
	case u.User != nil:
		return nil, fault.New(fault.Invalid, "the address of the proxy has a user, expected none").Mend("use username and password")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && within(never, ip.Unmap().WithZone("")) {
		return nil, fault.New(fault.Forbidden, "the proxy is on a link-local, metadata, multicast or reserved address")
	}
	return u, nil
}

// leads reports whether a host is reached through the proxy.
func (p Proxy) leads(host string) bool {
	if p.URL == "" {
		return false
	}
	host = strings.ToLower(host)
	for _, direct := range p.Direct {
		if direct = strings.ToLower(direct); host == direct || strings.HasPrefix(direct, ".") && strings.HasSuffix(host, direct) {
			return false
		}
	}
	return true
}

// through makes a transport go through the proxy. Whatever it dials from then
// on is the proxy, which may be on a private address and never on a link-local
// one.
func (p Proxy) through(t *http.Transport) error {
	u, err := p.address()
	if err != nil {
		return err
	}
	to := reach{host: u.Hostname(), private: true}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	t.Proxy = http.ProxyURL(u)
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return to.dial(ctx, network, address) }
	if p.Username != "" {
		login := base64.StdEncoding.EncodeToString([]byte(p.Username + ":" + p.Password.Reveal()))
		t.ProxyConnectHeader = http.Header{"Proxy-Authorization": {"Basic " + login}} // RFC 7617
	}
	return nil
}
