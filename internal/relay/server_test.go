package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/testkit"
)

// certificate is one for "klamm.test", with the pool that trusts it.
var certificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) { return testkit.Certificate("klamm.test") })

func serverTLS() *tls.Config {
	cert, _ := certificate()
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func TestOverTLS(t *testing.T) {
	inHouse(t, &Server{TLS: serverTLS()}, func(h *house) {
		_, pool := certificate()
		raw := h.ln.dial(64<<10, "192.0.2.1:40000")
		secure := tls.Client(raw, &tls.Config{RootCAs: pool, ServerName: "klamm.test"})
		if _, err := secure.Write(request(3, 1, "hello")); err != nil {
			t.Fatal(err)
		}
		b := h.broker()
		b.answer(b.got("hello"), strings.Repeat("x", 100_000))
		got, err := kafka.ReadBytes(secure, 1<<20)
		if err != nil || len(got) != 100_004 {
			t.Errorf("%v, %d bytes", err, len(got))
		}
		secure.Close()
		h.ended(ByClient)
	})
}

// TestOldTLSIsRefused, though the configuration would allow it.
func TestOldTLSIsRefused(t *testing.T) {
	config := serverTLS()
	config.MinVersion = tls.VersionTLS10
	inHouse(t, &Server{TLS: config}, func(h *house) {
		_, pool := certificate()
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
			raw := h.ln.dial(64<<10, "192.0.2.1:40000")
			secure := tls.Client(raw, &tls.Config{RootCAs: pool, ServerName: "klamm.test", MinVersion: tls.VersionTLS10, MaxVersion: version})
			if err := secure.Handshake(); (err == nil) != (version >= tls.VersionTLS12) {
				t.Errorf("%s: %v", tls.VersionName(version), err)
			}
			secure.Close()
			synctest.Wait() // one ends after the other
		}
		h.ended(ByHandshake, ByHandshake, ByClient, ByClient)
	})
}

func TestServerWithoutAcceptorServesNobody(t *testing.T) {
	if err := (&Server{}).Serve(t.Context(), listen(), Via{}); err == nil {
		t.Error("a relay without an acceptor serves")
	}
}

// Row 14 of docs/security.md: who does not get in has to go in time.
func TestEndlessHandshakes(t *testing.T) {
	hello := []byte{22, 3, 1, 0, 200, 1, 0, 0, 196}
	for name, c := range map[string]struct {
		tls   bool
		bytes []byte
	}{
		"silence before TLS":     {true, nil},
		"half of a ClientHello":  {true, hello},
		"silence in place of it": {false, nil},
		"half of a frame":        {false, []byte{0, 0, 0, 50, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{}
			if c.tls {
				s.TLS = serverTLS()
			}
			inHouse(t, s, func(h *house) {
				h.accept = func(_ context.Context, conn *kafka.Conn) error { // one that watches no clock
					_, err := conn.ReadFrame(1000)
					return err
				}
				began := time.Now()
				client := h.client()
				_, _ = client.Write(c.bytes)
				client.expectEnd()
				if d := time.Since(began); d != 10*time.Second {
					t.Errorf("ended after %v", d)
				}
				h.ended(ByHandshake)
			})
		})
	}
}

// One byte a second is no progress: the deadline is for the whole handshake.
func TestTricklingHandshake(t *testing.T) {
	inHouse(t, &Server{TLS: serverTLS()}, func(h *house) {
		hello := clientHello(t)
		began := time.Now()
		client := h.client()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for i := range hello {
				if _, err := client.Write(hello[i : i+1]); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		}()
		client.expectEnd()
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("ended after %v", d)
		}
		h.ended(ByHandshake)
		<-gone
	})
}

// clientHello is what a client of TLS begins with.
func clientHello(t *testing.T) []byte {
	near, far := net.Pipe()
	defer far.Close()
	go func() { _ = tls.Client(near, &tls.Config{ServerName: "klamm.test"}).Handshake(); near.Close() }()
	b := make([]byte, 16<<10)
	n, err := far.Read(b)
	if err != nil || n < 100 {
		t.Fatalf("%d bytes of a ClientHello, %v", n, err)
	}
	return b[:n]
}

func TestAcceptSeesTheDeadline(t *testing.T) {
	inHouse(t, &Server{Handshake: 3 * time.Second}, func(h *house) {
		h.accept = func(ctx context.Context, _ *kafka.Conn) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		h.client().expectEnd()
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}

// A session outlives the handshake deadline.
func TestNoDeadlineAfterwards(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		c := h.client()
		<-time.After(time.Hour)
		c.send(3, 1, "")
		b := h.broker()
		id := b.got("")
		<-time.After(time.Hour)
		b.answer(id, "")
		c.expect("1:")
	})
}

func TestTwoThousandSilentConnections(t *testing.T) {
	const silent = 2000
	inHouse(t, &Server{TLS: serverTLS()}, func(h *house) {
		for i := range silent {
			h.ln.dial(0, fmt.Sprintf("198.51.100.%d:%d", i%250, 1024+i))
		}
		_, pool := certificate()
		secure := tls.Client(h.ln.dial(64<<10, "192.0.2.1:40000"), &tls.Config{RootCAs: pool, ServerName: "klamm.test"})
		if _, err := secure.Write(request(3, 1, "served all the same")); err != nil {
			t.Fatal(err)
		}
		b := h.broker()
		b.answer(b.got("served all the same"), "")
		if _, err := kafka.ReadBytes(secure, 100); err != nil {
			t.Error(err)
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.reasons) != silent {
			t.Errorf("%d of them ended", len(h.reasons))
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	inHouse(t, &Server{MaxConns: 4, MaxPerAddress: 2}, func(h *house) {
		dial := func(address string) *client {
			defer synctest.Wait()
			return &client{h.ln.dial(1000, address), t}
		}
		first := dial("192.0.2.1:1")
		dial("192.0.2.1:2")
		dial("192.0.2.1:3").expectEnd()
		dial("[2001:db8::1]:1")
		dial("[2001:db8::2]:1")
		dial("192.0.2.9:1").expectEnd()
		h.ended(ByLimit, ByLimit)
		first.Close()
		synctest.Wait()
		dial("[2001:db8::3]:1").expectEnd() // the same /64
		c := dial("192.0.2.9:1")
		c.send(3, 1, "")
		b := h.broker()
		b.answer(b.got(""), "")
		c.expect("1:")
		h.ended(ByLimit, ByLimit, ByClient, ByLimit)
	})
}

func TestAddressOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:9092":          "192.0.2.1",
		"[::ffff:192.0.2.1]:9092": "192.0.2.1",
		"[2001:db8:1:2:3::4]:1":   "2001:db8:1:2::/64",
		"[fe80::1%eth0]:1":        "fe80::/64",
	} {
		if got := addressOf(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(in))); got != want {
			t.Errorf("%s counts as %s, expected %s", in, got, want)
		}
	}
	if got := addressOf(&net.UnixAddr{Name: "@klamm", Net: "unix"}); got != "@klamm" {
		t.Errorf("a unix socket counts as %q", got)
	}
}

func TestDeadBrokerRefusesBeforeTLS(t *testing.T) {
	s := &Server{TLS: serverTLS(), Refuse: func(v Via) error {
		if v.Broker == 1 {
			return errors.New("down")
		}
		return nil
	}}
	inHouse(t, s, func(h *house) {
		h.client().expectEnd()
		h.ended(ByDeath)
		if h.accepted > 0 {
			t.Error("logged in at a dead broker")
		}
	})
}

// TestDeadBrokerResets: as where nobody listens, which every client tries again.
func TestDeadBrokerResets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Acceptor: straight{}, Refuse: func(Via) error { return errors.New("down") }}
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), l, Via{}) }()
	for range 10 {
		client, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_, err = client.Read(make([]byte, 1))
			_ = client.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the connection ended with %v", err)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestShutdown(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.plan = drops
		idle, polling, producing := h.client(), h.client(), h.client()
		polling.send(1, 1, "")
		fetched := h.broker()
		producing.send(0, 1, "")
		produced := h.broker()
		id := produced.got("")
		synctest.Wait()
		time.AfterFunc(5*time.Second, func() { produced.answer(id, "kept") })
		began := time.Now()
		ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("took %v", d)
		}
		idle.expectEnd()
		polling.expectEnd()
		producing.expect("1:kept")
		producing.expectEnd()
		fetched.got("")
		fetched.expectEnd()
		h.ended(ByShutdown, ByShutdown, ByShutdown)
		if err := h.Serve(h.t.Context(), listen(), Via{}); err != nil {
			t.Errorf("Serve after Shutdown: %v", err)
		}
	})
}

func TestShutdownHasADeadline(t *testing.T) {
	inHouse(t, &Server{}, func(h *house) {
		h.accept = func(ctx context.Context, conn *kafka.Conn) error {
			if h.accepted == 0 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		c := h.client()
		c.send(0, 1, "is never answered")
		b := h.broker()
		b.got("is never answered")
		handshaking := h.client()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		c.expectEnd()
		b.expectEnd()
		handshaking.expectEnd()
	})
}

func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Acceptor: &house{}}
		ln := &failing{memory: listen(), errs: []error{passing[1], passing[0], errors.New("broken")}}
		if err := s.Serve(t.Context(), ln, Via{Cluster: "lkc-test", Broker: 3}); err == nil || !strings.Contains(err.Error(), "lkc-test") {
			t.Errorf("%v", err)
		}
		if len(ln.errs) > 0 {
			t.Error("gave up at an error that passes")
		}
	})
}

type failing struct {
	*memory
	errs []error
}

func (f *failing) Accept() (net.Conn, error) {
	err := f.errs[0]
	f.errs = f.errs[1:]
	return nil, err
}

// Row 19 of docs/security.md: what a client sent is in no log.
func TestLogSaysWhyAndNothingElse(t *testing.T) {
	var log strings.Builder
	s := &Server{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	inHouse(t, s, func(h *house) {
		h.plan = func(*kafka.Frame) (Plan, error) { return Plan{Reason: "unknown key"}, nil }
		c := h.client()
		c.send(3, 1, "canary")
		c.expectEnd()
		h.ended(ByPlan)
	})
	if got := log.String(); !strings.Contains(got, "reason=refused") || !strings.Contains(got, "unknown key") || strings.Contains(got, "canary") {
		t.Errorf("log: %s", got)
	}
}
