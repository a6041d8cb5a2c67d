package relay

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// half is one direction of an in-memory connection: like a socket it buffers,
// pushes back when full, and can be closed alone.
type half struct {
	mu      sync.Mutex
	cond    sync.Cond
	b       []byte
	cap     int
	closed  bool // by the writer
	gone    bool // by the reader
	read    time.Time
	written time.Time
	total   int
}

func newHalf(capacity int) *half {
	h := &half{cap: capacity, b: make([]byte, 0, capacity)}
	h.cond.L = &h.mu
	return h
}

// wait waits for a change, at most until the deadline. h.mu is held.
func (h *half) wait(deadline *time.Time) error {
	if !deadline.IsZero() {
		left := time.Until(*deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		defer time.AfterFunc(left, h.cond.Broadcast).Stop()
	}
	h.cond.Wait()
	return nil
}

func (h *half) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.gone:
			return 0, net.ErrClosed
		case !h.read.IsZero() && time.Until(h.read) <= 0:
			return 0, os.ErrDeadlineExceeded
		case len(h.b) > 0:
			n := copy(p, h.b)
			h.b = h.b[:copy(h.b, h.b[n:])]
			h.cond.Broadcast()
			return n, nil
		case h.closed:
			return 0, io.EOF
		}
		if err := h.wait(&h.read); err != nil {
			return 0, err
		}
	}
}

func (h *half) Write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(p) > 0 {
		switch {
		case h.closed:
			return n, net.ErrClosed
		case h.gone:
			return n, io.ErrClosedPipe
		case len(h.b) < h.cap:
			k := min(len(p), h.cap-len(h.b))
			h.b = append(h.b, p[:k]...)
			p, n, h.total = p[k:], n+k, h.total+k
			h.cond.Broadcast()
			continue
		}
		if err := h.wait(&h.written); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (h *half) set(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.cond.Broadcast()
}

// end is one end of an in-memory connection.
type end struct {
	in, out *half
	peer    net.Addr
}

// pipe connects two ends with so much of a buffer in each direction. The
// second sees the first at the address.
func pipe(capacity int, address string) (*end, *end) {
	a, b := newHalf(capacity), newHalf(capacity)
	addr := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
	return &end{a, b, addr}, &end{b, a, addr}
}

func (e *end) Read(p []byte) (int, error)  { return e.in.Read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.Write(p) }
func (e *end) CloseWrite()                 { e.out.set(func() { e.out.closed = true }) }
func (e *end) LocalAddr() net.Addr         { return e.peer }
func (e *end) RemoteAddr() net.Addr        { return e.peer }
func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}
func (e *end) SetReadDeadline(t time.Time) error {
	e.in.set(func() { e.in.read = t })
	return nil
}
func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.set(func() { e.out.written = t })
	return nil
}
func (e *end) Close() error {
	e.in.set(func() { e.in.gone = true })
	e.CloseWrite()
	return nil
}

// memory is an in-memory listener.
type memory struct {
	conns chan net.Conn
	stop  chan struct{}
	once  sync.Once
}

func listen() *memory { return &memory{conns: make(chan net.Conn), stop: make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.stop:
		return nil, net.ErrClosed
	}
}
func (m *memory) Close() error   { m.once.Do(func() { close(m.stop) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects a client from an address.
func (m *memory) dial(capacity int, address string) *end {
	near, far := pipe(capacity, address)
	m.conns <- far
	return near
}
