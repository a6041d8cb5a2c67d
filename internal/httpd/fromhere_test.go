package httpd_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/httpd"
)

func tcp(address string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		panic(err) // of a table below
	}
	return a
}

func TestFromHere(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string // "" for a request that knows no such address
		header   string
		here     bool
	}{
		"loopback":                             {"127.0.0.1:1", "127.0.0.1:80", "", true},
		"IPv6":                                 {"[::1]:1", "[::1]:80", "", true},
		"loopback, the other end unknown":      {"127.0.0.1:1", "", "", true},
		"link-local to itself":                 {"169.254.169.254:1", "169.254.169.254:80", "", true},
		"itself, mapped":                       {"[::ffff:169.254.169.254]:1", "169.254.169.254:80", "", true},
		"link-local from a neighbour":          {"169.254.1.1:1", "169.254.169.254:80", "", false},
		"link-local from a network":            {"192.0.2.7:1", "169.254.169.254:80", "", false},
		"link-local, the other end unknown":    {"169.254.169.254:1", "", "", false},
		"a neighbour of another link":          {"[fe80::1%eth1]:1", "[fe80::1%eth0]:80", "", false},
		"another machine to loopback":          {"192.0.2.7:1", "127.0.0.1:80", "", false},
		"no address":                           {"", "127.0.0.1:80", "", false},
		"no addresses at all":                  {"", "", "", false},
		"a unix socket":                        {"@", "", "", false},
		"itself through a proxy":               {"169.254.169.254:1", "169.254.169.254:80", "X-Forwarded-For", false},
		"a browser on the machine":             {"169.254.169.254:1", "169.254.169.254:80", "Origin", false},
		"a browser on the machine at loopback": {"127.0.0.1:1", "127.0.0.1:80", "Origin", false},
	} {
		r := httptest.NewRequest("POST", "/_lab/x", nil)
		r.RemoteAddr = c.from
		if c.to != "" {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tcp(c.to)))
		}
		if c.header != "" {
			r.Header.Set(c.header, "")
		}
		err := httpd.FromHere(r)
		if (err == nil) != c.here || !c.here && fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// offered is a listener with connections that bear addresses.
type offered chan *addressed

func (o offered) Accept() (net.Conn, error) {
	if c, ok := <-o; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (offered) Close() error   { return nil }
func (offered) Addr() net.Addr { return tcp("169.254.169.254:80") }

type addressed struct {
	net.Conn
	from string
}

func (a *addressed) RemoteAddr() net.Addr { return tcp(a.from) }
func (a *addressed) LocalAddr() net.Addr  { return tcp("169.254.169.254:80") }

// TestOnlyFromHere: a machine on a network is cut off before it said anything.
func TestOnlyFromHere(t *testing.T) {
	conns := make(offered, 4)
	var ends []net.Conn
	for _, from := range []string{"192.0.2.7:1", "169.254.1.1:1", "169.254.169.254:1", "127.0.0.1:1"} {
		ours, theirs := net.Pipe()
		defer ours.Close()
		ends = append(ends, theirs)
		conns <- &addressed{ours, from}
	}
	close(conns)
	ln := httpd.OnlyFromHere(conns)
	for _, want := range []string{"169.254.169.254:1", "127.0.0.1:1"} {
		conn, err := ln.Accept()
		if err != nil || conn.RemoteAddr().String() != want {
			t.Fatalf("%v, %v; want %s", conn, err, want)
		}
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("a third connection is let in")
	}
	for _, cut := range ends[:2] {
		if _, err := cut.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a foreign connection is open: %v", err)
		}
	}
}
