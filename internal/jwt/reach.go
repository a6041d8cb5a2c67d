package jwt

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/klammhq/klamm/internal/fault"
)

// reach says which addresses fetches may get to (server-side request forgery:
// docs/security.md row 5). URLs are checked on every hop, addresses after name
// resolution, at the moment of dialling, so that no answer of a name server
// comes between.
type reach struct {
	host    string // of the configured URL
	private bool   // that host may be on loopback or private addresses
	plain   bool   // http to loopback is allowed
}

func (r reach) checkURL(u *url.URL) error {
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	literal := err == nil
	switch {
	case host == "" || u.User != nil || u.Opaque != "":
		return fault.New(fault.Invalid, "it is not https://HOST/PATH").At("jwks_uri")
	case u.Scheme == "https":
	case u.Scheme == "http" && r.plain && (host == "localhost" || literal && ip.IsLoopback()):
	default:
		return fault.New(fault.Invalid, "the key set is on %q, expected https", u.Scheme).At("jwks_uri")
	}
	if literal {
		return r.checkIP(ip, host)
	}
	return nil
}

// dial refuses forbidden addresses whatever name led to them.
func (r reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Control: func(_, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return fault.New(fault.Internal, "the resolved address cannot be read").Because(err)
		}
		return r.checkIP(at.Addr(), host)
	}}
	return d.DialContext(ctx, network, address)
}

// never are addresses that are no provider's wherever they are configured:
// this host, link-local, multicast, reserved, and metadata services of clouds,
// which give credentials to whoever asks.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "168.63.129.16/32", "100.100.100.200/32",
	"::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::254/128",
	// Prefixes that carry IPv4 addresses inside (RFC 6052, 8215, 3056, 4380).
	"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
)

// private are loopback, private and shared addresses (RFC 1918, 4193, 6598, 2544).
var private = prefixes(
	"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "192.0.0.0/24",
	"::1/128", "fc00::/7",
)

func (r reach) checkIP(ip netip.Addr, host string) error {
	ip = ip.Unmap().WithZone("")
	switch {
	case within(never, ip):
		return fault.New(fault.Forbidden, "%s is a link-local, metadata, multicast or reserved address, where no key set is fetched", ip).At("jwks_uri")
	case within(private, ip) && !(r.private && strings.EqualFold(host, r.host)):
		return fault.New(fault.Forbidden, "%s is a loopback or private address, where key sets are fetched only if a configuration file names them", ip).
			At("jwks_uri")
	}
	return nil
}

func within(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
