package app

import (
	"errors"
	"net"
	"strconv"
	"syscall"

	"github.com/klammhq/klamm/internal/fault"
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
