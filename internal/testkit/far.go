package testkit

import (
	"net"
	"strconv"
	"testing"
)

// Far is the host of brokers whose address must not reach a client. It is on
// loopback, and no address of klamm's.
const Far = "127.77.0.9"

// ListenFar listens at [Far], on a port that klamm gets nowhere while the test
// runs: a client would hear it, and it would tell nothing.
func ListenFar(t testing.TB, network string) (net.Listener, error) {
	for {
		ln, err := net.Listen(network, Far+":0")
		if err != nil {
			return nil, err
		}
		held, err := net.Listen(network, net.JoinHostPort("127.0.0.1", strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)))
		if err == nil {
			t.Cleanup(func() { _ = held.Close() })
			return ln, nil
		}
		_ = ln.Close()
	}
}
