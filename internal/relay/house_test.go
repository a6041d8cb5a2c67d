package relay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/klammhq/klamm/internal/kafka"
)

// house is a running server with one scripted session for each client, inside
// a synctest bubble, so that a goroutine that is left over fails the test.
type house struct {
	*Server
	t      *testing.T
	ln     *memory
	served chan error

	plan    func(*kafka.Frame) (Plan, error) // Pass when nil
	accept  func(context.Context, *kafka.Conn) error
	dialErr error
	done    chan struct{}
	socket  int // bytes that a socket takes without its peer

	mu       sync.Mutex
	accepted int
	dialled  int
	closed   int // sessions
	accused  []error
	reasons  []string // of connections
	brokers  chan *far
}

// inHouse runs test in a bubble and expects that everything ends with it.
func inHouse(t *testing.T, server *Server, test func(*house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{Server: server, t: t, ln: listen(), done: make(chan struct{}), served: make(chan error, 1), socket: 64 << 10, brokers: make(chan *far, 1000)}
		server.Acceptor, server.Observer = h, h
		ctx, cancel := context.WithCancel(t.Context())
		go func() { h.served <- server.Serve(ctx, h.ln, Via{Cluster: "lkc-test", Broker: 1}) }()
		test(h)
		cancel()
		if err := <-h.served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.closed != h.accepted {
			t.Errorf("%d sessions accepted, %d closed", h.accepted, h.closed)
		}
	})
}

func (h *house) Accept(ctx context.Context, conn *kafka.Conn, _ Via) (Session, error) {
	if h.accept != nil {
		if err := h.accept(ctx, conn); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted++
	return &scripted{h}, nil
}

type scripted struct{ *house }

func (s *scripted) Dial(context.Context) (*kafka.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	if s.dialErr != nil {
		return nil, s.dialErr
	}
	near, distant := pipe(s.socket, "10.0.0.1:9092")
	s.brokers <- &far{s.t, distant, kafka.NewConn(distant)}
	return kafka.NewLink(near, 1), nil
}

func (s *scripted) Plan(_ context.Context, f *kafka.Frame) (Plan, error) {
	if s.plan == nil {
		return Plan{Verdict: Pass}, nil
	}
	return s.plan(f)
}
func (s *scripted) Done() <-chan struct{} { return s.done }
func (s *scripted) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
}

func (s *scripted) Accuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == s.accepted {
		s.t.Error("told of a broker after Close")
	}
	s.accused = append(s.accused, err)
}

func (h *house) Opened(string) {}
func (h *house) Closed(_, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reasons = append(h.reasons, reason)
}
func (h *house) Request(string, int16, int) {}
func (h *house) Response(string, int)       {}

// ended waits until nothing moves and expects connections to have ended so.
func (h *house) ended(want ...Reason) {
	h.t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := fmt.Sprint(h.reasons); got != fmt.Sprint(want) {
		h.t.Errorf("connections ended by %v, expected %v", got, want)
	}
}

// client is the far side of a client's connection.
type client struct {
	*end
	t *testing.T
}

func (h *house) client() *client { return &client{h.ln.dial(h.socket, "192.0.2.1:40000"), h.t} }

// request is a whole request with its prefix; keys below 100 are not flexible here.
func request(key int16, correlation int32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(10+len(body)))
	b = binary.BigEndian.AppendUint16(b, uint16(key))
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	b = binary.BigEndian.AppendUint16(b, 0)
	return append(b, body...)
}

// response is one without its prefix.
func response(correlation int32, body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(correlation)), body...)
}

func (c *client) send(key int16, correlation int32, body string) {
	c.t.Helper()
	if _, err := c.Write(request(key, correlation, body)); err != nil {
		c.t.Errorf("send: %v", err)
	}
}

// expect reads answers and compares them in the form "1:body".
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		b, err := kafka.ReadBytes(c, 1<<30)
		if err != nil || len(b) < 4 {
			c.t.Fatalf("%v instead of answer %s", err, w)
		}
		if got := fmt.Sprintf("%d:%s", binary.BigEndian.Uint32(b), b[4:]); got != w {
			c.t.Errorf("answer %.60q, expected %.60q", got, w)
		}
	}
}

// expectEnd reads the end of the connection and nothing before it.
func (c *client) expectEnd() {
	c.t.Helper()
	var b [1]byte
	if n, err := c.Read(b[:]); n != 0 || !errors.Is(err, io.EOF) {
		c.t.Errorf("%d bytes, %v; expected the end", n, err)
	}
}

// far is the broker's side of the upstream connection.
type far struct {
	t *testing.T
	*end
	conn *kafka.Conn
}

func (h *house) broker() *far {
	h.t.Helper()
	return <-h.brokers
}

// got expects a request and returns its correlation id.
func (f *far) got(body string) int32 {
	f.t.Helper()
	frame, err := f.conn.ReadFrame(1 << 30)
	if err != nil {
		f.t.Fatalf("%v instead of request %q", err, body)
	}
	defer frame.Release()
	if string(frame.Body()) != body {
		f.t.Errorf("request %q, expected %q", frame.Body(), body)
	}
	return frame.Correlation
}

func (f *far) answer(correlation int32, body string) {
	f.t.Helper()
	if err := f.conn.WriteBytes(response(correlation, body)); err != nil {
		f.t.Errorf("answer: %v", err)
	}
}

func (f *far) expectEnd() { (&client{f.end, f.t}).expectEnd() }
