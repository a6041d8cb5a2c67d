package httpd

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/klammhq/klamm/internal/fault"
)

// FromHere is nil for a request of a program on this machine. Other machines
// are refused, proxies that speak for them, and browsers, which name an Origin
// with every POST and DELETE (Fetch standard, section 3.2).
func FromHere(r *http.Request) error {
	var address netip.Addr
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err == nil {
		address, err = netip.ParseAddr(host)
	}
	_, forwarded := r.Header["X-Forwarded-For"]
	_, browser := r.Header["Origin"]
	if err != nil || !address.Unmap().IsLoopback() || forwarded || browser {
		return fault.New(fault.Forbidden, "%s is for programs on this machine that are no browser", r.URL.Path)
	}
	return nil
}
