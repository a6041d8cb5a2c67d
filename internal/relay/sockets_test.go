package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// wire is one client and its broker on real sockets.
type wire struct {
	t              *testing.T
	client, broker net.Conn // TLS on them, or not
	raw            [2]*net.TCPConn
}

const (
	theClient = iota
	theBroker
)

// states are where a connection may be when one of its peers goes, and what it
// may end by when that is the client: nobody hears of its going while it is not
// read.
var states = map[string]struct {
	heard string
	reach func(*wire)
}{
	"idle":                     {"client", func(w *wire) { w.ask(1); w.asked(1); w.answer("x"); w.answered("x") }},
	"waiting for an answer":    {"client", func(w *wire) { w.ask(1); w.asked(1) }},
	"too many requests":        {"upstream", func(w *wire) { w.ask(10); w.asked(4) }},
	"a broker that reads not":  {"client upstream", func(w *wire) { w.flood(w.client, request(0, 1, strings.Repeat("x", 1<<20))) }},
	"an answer under way":      {"client", func(w *wire) { w.ask(1); w.asked(1); w.endlessAnswer() }},
	"before the first request": {"client", func(*wire) {}},
}

// ways are how a peer may go.
var ways = map[string]func(*wire, int){
	"closes": func(w *wire, who int) { _ = []net.Conn{w.client, w.broker}[who].Close() },
	"resets": func(w *wire, who int) { _ = w.raw[who].SetLinger(0); _ = w.raw[who].Close() },
	"closes its sending side": func(w *wire, who int) {
		if s, ok := []net.Conn{w.client, w.broker}[who].(*tls.Conn); ok {
			_ = s.CloseWrite()
		}
		_ = w.raw[who].CloseWrite()
	},
}

// TestPeersThatGo: whoever goes, in whatever way and whenever, the connection
// ends and nothing of it stays.
func TestPeersThatGo(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for state, s := range states {
			for way, leave := range ways {
				for who, name := range []string{"the client", "the broker"} {
					if who == theBroker && state == "before the first request" {
						continue // there is none
					}
					t.Run(map[bool]string{true: "TLS, ", false: "plain, "}[secure]+state+", "+name+" "+way, func(t *testing.T) {
						want := []string{s.heard, "upstream"}[who]
						begun := runtime.NumGoroutine()
						server := &Server{InFlight: 4, Drain: 100 * time.Millisecond}
						if s.heard != "client" {
							server.Stall = 200 * time.Millisecond
						}
						w, ended, stop := connect(t, server, secure, state != "before the first request")
						s.reach(w)
						leave(w, who)
						select {
						case got := <-ended:
							if !strings.Contains(want, got) {
								t.Errorf("ended by %s, expected %s", got, want)
							}
						case <-time.After(30 * time.Second):
							t.Error("the connection stays")
						}
						stop()
						for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > begun; runtime.Gosched() {
							if time.Now().After(deadline) {
								t.Fatalf("%d goroutines are left over", runtime.NumGoroutine()-begun)
							}
						}
					})
				}
			}
		}
	}
}

// ending is an observer of how connections end.
type ending struct {
	nobody
	ended chan string
}

func (e ending) Closed(_, reason string) { e.ended <- reason }

// dialling lets everybody in, to one broker.
type dialling func() (net.Conn, error)

func (d dialling) Accept(context.Context, *kafka.Conn, Via) (Session, error) { return d, nil }
func (d dialling) Dial(context.Context) (*kafka.Link, error) {
	c, err := d()
	return kafka.NewLink(c, 1), err
}
func (dialling) Plan(context.Context, *kafka.Frame) (Plan, error) { return Plan{Verdict: Pass}, nil }
func (dialling) Done() <-chan struct{}                            { return nil }
func (dialling) Close()                                           {}

// connect starts a server and connects a client through it; with a broker
// there was one request, so that klamm has dialled. stop waits for the server.
func connect(t *testing.T, s *Server, secure, withBroker bool) (w *wire, ended <-chan string, stop func()) {
	behind, front := listenTCP(t), listenTCP(t)
	dial := func(ln net.Listener) (net.Conn, error) {
		if secure {
			return dialTLS(ln.Addr().String())
		}
		return net.Dial("tcp", ln.Addr().String())
	}
	e := ending{ended: make(chan string, 1)}
	s.Acceptor, s.Observer = dialling(func() (net.Conn, error) { return dial(behind) }), e
	if secure {
		s.TLS = serverTLS()
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, front, Via{Cluster: "lkc-test", Broker: 1}) }()

	w = &wire{t: t}
	var err error
	if w.client, err = dial(front); err != nil {
		t.Fatal(err)
	}
	w.raw[theClient] = underneath(w.client)
	if withBroker {
		w.ask(1)
		if w.broker, err = behind.Accept(); err != nil {
			t.Fatal(err)
		}
		w.raw[theBroker] = w.broker.(*net.TCPConn)
		if secure {
			w.broker = tls.Server(w.broker, serverTLS())
		}
		w.asked(1)
		w.answer("")
		w.answered("")
	}
	return w, e.ended, func() {
		w.client.Close()
		if w.broker != nil {
			w.broker.Close()
		}
		behind.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func listenTCP(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func underneath(c net.Conn) *net.TCPConn {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	return c.(*net.TCPConn)
}

func (w *wire) ask(times int) {
	_, err := w.client.Write(bytes.Repeat(request(3, 1, ""), times))
	w.must(err)
}

func (w *wire) asked(times int) {
	_, err := io.CopyN(io.Discard, w.broker, int64(times*len(request(3, 1, ""))))
	w.must(err)
}

func (w *wire) answer(body string) {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	_, err := w.broker.Write(append(b, response(1, body)...))
	w.must(err)
}

func (w *wire) answered(body string) {
	_, err := io.CopyN(io.Discard, w.client, int64(8+len(body)))
	w.must(err)
}

// flood sends the same until the far side is gone.
func (w *wire) flood(to net.Conn, b []byte) {
	go func() {
		for {
			if _, err := to.Write(b); err != nil {
				return
			}
		}
	}()
}

// endlessAnswer begins an answer of 2 GiB, which the client reads.
func (w *wire) endlessAnswer() {
	_, err := w.broker.Write([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1})
	w.must(err)
	w.flood(w.broker, make([]byte, 1<<20))
	w.answered(string(make([]byte, 1<<20)))
	go func() { _, _ = io.Copy(io.Discard, w.client) }()
}

func (w *wire) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
