package app

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

// listen opens host:port; a taken port is an error that says what to do.
func listen(host string, port int, what, mend string) (net.Listener, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err == nil {
		return ln, nil
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fault.New(fault.Unavailable, "port %d for %s is taken by another program", port, what).At(address).Mend("%s", mend)
	}
	return nil, fault.New(fault.Unavailable, "cannot listen for %s", what).At(address).Mend("%s", mend).Because(err)
}

// listenLoopback opens the same port on 127.0.0.1 and on ::1, because the name
// localhost may stand for either. Without IPv6 it opens the first alone. Port 0
// lets the system choose one that is free on both.
func listenLoopback(port int, what, mend string) ([]net.Listener, int, error) {
	const tries = 20
	for try := 1; ; try++ {
		four, err := listen("127.0.0.1", port, what, mend)
		if err != nil {
			return nil, 0, err
		}
		chosen := four.Addr().(*net.TCPAddr).Port
		six, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(chosen)))
		switch {
		case err == nil:
			return []net.Listener{four, six}, chosen, nil
		case !errors.Is(err, syscall.EADDRINUSE): // no IPv6 here
			return []net.Listener{four}, chosen, nil
		}
		_ = four.Close()
		if port != 0 || try == tries {
			_, err := listen("::1", chosen, what, mend)
			return nil, 0, err
		}
	}
}

// takenPort is what to do about a port of the lab that another program has.
const takenPort = "end that program, choose another port (klamm lab --help lists the flags), or use --ports auto"

// metadataAddress reads the ADDRESS:PORT of --imds-listen. What listens there
// hands out tokens to whoever asks, so that only addresses will do that no
// router forwards (RFC 3927 section 7, RFC 4291 section 2.5.6).
func metadataAddress(text string) (netip.AddrPort, error) {
	refuse := func(format string, args ...any) error {
		return fault.New(fault.Invalid, format, args...).At("--imds-listen").Mend("give 169.254.169.254:80, where clients look for it, or an address of loopback")
	}
	at, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return at, refuse("%.64q is no address and port", text)
	case at.Addr().Is4In6() || !at.Addr().IsLoopback() && !at.Addr().IsLinkLocalUnicast():
		return at, refuse("%s would hand out tokens to a network, expected an address of loopback or a link-local one", at.Addr())
	}
	return at, nil
}

// listenMetadata opens an address of --imds-listen, for programs on this machine
// alone.
func listenMetadata(text string) (net.Listener, error) {
	at, err := metadataAddress(text)
	if err != nil {
		return nil, err
	}
	ln, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err == nil {
		return httpd.OnlyFromHere(ln), nil
	}
	refusal := fault.New(fault.Unavailable, "cannot listen for IMDS at %s", at).At("--imds-listen").Because(err)
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		prefix := netip.PrefixFrom(at.Addr().WithZone(""), at.Addr().BitLen())
		return nil, refusal.Mend("this machine has no such address; as root: ip addr add %s dev lo", prefix)
	case errors.Is(err, syscall.EACCES):
		return nil, refusal.Mend("ports below 1024 are root's: sysctl net.ipv4.ip_unprivileged_port_start=%d", at.Port())
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, refusal.Mend("another program has it: end that, or choose another port")
	}
	return nil, refusal
}
