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
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	_, forwarded := r.Header["X-Forwarded-For"]
	_, browser := r.Header["Origin"]
	if forwarded || browser || !sameMachine(r.RemoteAddr, local) {
		return fault.New(fault.Forbidden, "%s is for programs on this machine that are no browser", r.URL.Path)
	}
	return nil
}

// OnlyFromHere is ln without the connections of other machines, which it closes
// before they are read. A listener on a link-local address needs it: Linux takes
// packets for any of its addresses from any network (ip-sysctl, arp_ignore), so
// that an address on the loopback interface is no loopback address.
func OnlyFromHere(ln net.Listener) net.Listener { return here{ln} }

type here struct{ net.Listener }

func (h here) Accept() (net.Conn, error) {
	for {
		conn, err := h.Listener.Accept()
		if err != nil || sameMachine(conn.RemoteAddr().String(), conn.LocalAddr()) {
			return conn, err
		}
		_ = conn.Close() // nobody to tell
	}
}

// sameMachine reports whether a connection comes from the machine that took it:
// from loopback, or from the very address it was made to, as those do that a
// program makes to one of its own machine's addresses. No packet from outside
// bears that: the kernel drops it as martian, and could not answer it. Without
// an address to compare it is from elsewhere.
func sameMachine(remote string, local net.Addr) bool {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	if from.Addr().Unmap().IsLoopback() {
		return true
	}
	if local == nil {
		return false
	}
	to, err := netip.ParseAddrPort(local.String())
	return err == nil && from.Addr().Unmap() == to.Addr().Unmap()
}
