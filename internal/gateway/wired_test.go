package gateway

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// wired is the real relay, gateway and guard between connections in memory, so
// that a test in a bubble owns the clock. The test plays the broker.
type wired struct {
	everything
	t      *testing.T
	people *people
	log    *ledger
	server *relay.Server
	ln     memory
	far    chan *kafka.Conn // the broker's side of each connection upstream
}

// wire starts one; sink is its log when nil. It ends with the test.
func wire(t *testing.T, sink guard.Sink, bindings ...iam.Binding) *wired {
	t.Helper()
	w := &wired{everything: newEverything(), t: t, people: &people{}, log: &ledger{}, ln: memory{make(chan net.Conn), make(chan struct{}), new(sync.Once)}, far: make(chan *kafka.Conn, 8)}
	w.people.bind(t, bindings...)
	if sink == nil {
		sink = w.log
	}
	g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: w.people, Authorizer: w.people, Sink: sink}), Clusters: map[string]Cluster{lkc: w}, Addresses: w})
	if err != nil {
		t.Fatal(err)
	}
	w.server = &relay.Server{Acceptor: g}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(ctx, w.ln, relay.Via{Cluster: lkc, Broker: 1}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

// Dial is a connection to the broker that the test plays.
func (w *wired) Dial(context.Context, int32) (*kafka.Link, error) {
	near, far := net.Pipe()
	w.far <- kafka.NewConn(far)
	return kafka.NewLink(near, 1), nil
}

// client is a connection that logs in.
func (w *wired) client(token string) *byHand {
	w.t.Helper()
	ours, theirs := net.Pipe()
	w.ln.conns <- theirs
	w.t.Cleanup(func() { _ = ours.Close() })
	b := &byHand{t: w.t, link: kafka.NewLink(ours, 1)}
	if r := b.login(token, "logicalCluster="+lkc); r.ErrorCode != 0 {
		w.t.Fatalf("login: %d", r.ErrorCode)
	}
	return b
}

// send writes a request and waits for nothing.
func (b *byHand) send(correlation int32, req kmsg.Request) {
	b.t.Helper()
	if err := b.link.WriteBytes(kmsg.NewRequestFormatter().AppendRequest(nil, req, correlation)[4:]); err != nil {
		b.t.Fatalf("%s: %v", nameOf(req.Key()), err)
	}
}

// next waits for an answer and reads it away; false at the connection's end.
func (b *byHand) next(correlation int32) bool {
	b.t.Helper()
	a, err := b.link.Next()
	if err != nil {
		return false
	}
	if a.Correlation != correlation {
		b.t.Fatalf("an answer to request %d, expected %d", a.Correlation, correlation)
	}
	if _, err := a.Hold(1 << 20); err != nil {
		b.t.Fatal(err)
	}
	return true
}

// asked is the next request that the broker gets.
func (w *wired) asked(broker *kafka.Conn, key int16) *kafka.Frame {
	w.t.Helper()
	f, err := broker.ReadFrame(1 << 20)
	if err != nil {
		w.t.Fatal(err)
	}
	if f.Key != key {
		w.t.Fatalf("the broker is asked %s, expected %s", nameOf(f.Key), nameOf(key))
	}
	return f
}

// answer is the broker's to a request. It may be called on a goroutine of its own.
func (w *wired) answer(broker *kafka.Conn, f *kafka.Frame, resp kmsg.Response) {
	resp.SetVersion(f.Version)
	if err := broker.WriteBytes(appendResponse(f, resp)); err != nil {
		w.t.Error(err)
	}
}

// memory is a listener without a network.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  *sync.Once
}

func (m memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}
func (m memory) Close() error { m.once.Do(func() { close(m.done) }); return nil }
func (memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9092} }
