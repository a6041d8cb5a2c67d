package httpd_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/httpd"
)

// pipes is a listener in memory; it is also what dials it.
type pipes struct {
	t      *testing.T
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	p.t.Cleanup(func() { _ = near.Close() })
	return near
}

// sinkhole keeps a log; a server writes it from several goroutines.
type sinkhole struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *sinkhole) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(p)
}

func (s *sinkhole) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.String()
}

// serve runs a server until the test ends.
func serve(t *testing.T, h httpd.Handler) *pipes {
	t.Helper()
	server := httpd.NewServer(httpd.Handle(h, writeStatus), nil)
	p := &pipes{t: t, conns: make(chan net.Conn), closed: make(chan struct{})}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(p); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() { _ = server.Close(); serving.Wait() })
	return p
}

func ok(http.ResponseWriter, *http.Request) error { return nil }

// closes reads until the server hangs up and returns after how long.
func closes(t *testing.T, conn net.Conn) (after time.Duration, answer string) {
	t.Helper()
	began := time.Now()
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("the connection was not closed but %v", err)
	}
	return time.Since(began), string(b)
}

// Slowloris: headers that never end, a body that never ends, nothing at all,
// and an answer that nobody reads.
func TestSlowClientsAreCut(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		want time.Duration
	}{
		"nothing":           {"", 10 * time.Second},
		"half a header":     {"GET / HTTP/1.1\r\nHost: x\r\nX: ", 10 * time.Second},
		"half a body":       {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", 30 * time.Second},
		"nothing after one": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := serve(t, func(_ http.ResponseWriter, r *http.Request) error {
					_, err := io.Copy(io.Discard, r.Body)
					return err
				})
				conn := p.dial()
				_, _ = io.WriteString(conn, c.sent)
				if after, answer := closes(t, conn); after < c.want || after > c.want+5*time.Second {
					t.Errorf("closed after %v, want %v; answer %q", after, c.want, answer)
				}
			})
		})
	}
}

func TestHeaderDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serve(t, ok)
		conn := p.dial()
		began := time.Now()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
		for err == nil {
			<-time.After(time.Second)
			_, err = io.WriteString(conn, "x")
		}
		if after := time.Since(began); after > 15*time.Second {
			t.Errorf("a byte a second keeps a connection for %v", after)
		}
	})
}

func TestUnreadAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan time.Duration, 1)
		p := serve(t, func(w http.ResponseWriter, _ *http.Request) error {
			began := time.Now()
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					failed <- time.Since(began)
					return nil
				}
			}
		})
		conn := p.dial()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if after := <-failed; after > 65*time.Second {
			t.Errorf("an answer that nobody reads is kept for %v", after)
		}
	})
}

func TestHugeHeader(t *testing.T) {
	p := serve(t, ok)
	for size, want := range map[int]int{60 << 10: 200, 128 << 10: 431} {
		conn := p.dial()
		go func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+strings.Repeat("x", size)+"\r\n\r\n")
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Errorf("a header of %d bytes: %s, want %d", size, resp.Status, want)
		}
	}
}

// A scan that fails in TLS is no more than a debug line.
func TestFailedHandshakeIsDebug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &sinkhole{}
		server := httpd.NewServer(http.NotFoundHandler(), slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		p := &pipes{t: t, conns: make(chan net.Conn), closed: make(chan struct{})}
		go func() {
			_ = server.Serve(tls.NewListener(p, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("none") }}))
		}()
		conn := p.dial()
		go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
		_, _ = io.ReadAll(conn)
		_ = server.Close()
		synctest.Wait()
		if got := log.String(); !strings.Contains(got, "TLS handshake error") || strings.Contains(strings.ReplaceAll(got, "level=DEBUG", ""), "level=") {
			t.Errorf("the log has %q", got)
		}
	})
}

func TestNoLog(t *testing.T) {
	w := &strings.Builder{}
	server := httpd.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { w.WriteString("served") }), nil)
	server.Handler.ServeHTTP(nil, post("", ""))
	if w.String() != "served" {
		t.Error("a server without a log does not serve")
	}
}
