package kafka

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
)

// Conn is a client's connection. Reads go through a small buffer, so use the
// Conn and never what it wraps.
type Conn struct {
	net.Conn
	r    io.Reader
	head [prefix]byte
}

// NewConn wraps c, which is a finished TLS connection or a plain one.
func NewConn(c net.Conn) *Conn { return &Conn{Conn: c, r: reader(c)} }

// reader saves a plain connection a system call for each length prefix; a TLS
// connection has a buffer of its own. Large reads pass by the small buffer, and
// small it is because an idle connection keeps it.
func reader(c net.Conn) io.Reader {
	if _, buffered := c.(*tls.Conn); buffered {
		return c
	}
	return bufio.NewReaderSize(c, 512)
}

func (c *Conn) Read(p []byte) (int, error) { return c.r.Read(p) }

// ReadFrame reads the next request of at most limit bytes into a pooled frame.
func (c *Conn) ReadFrame(limit int) (*Frame, error) {
	f := &Frame{}
	return f, c.ReadInto(f, limit)
}

// ReadInto is ReadFrame into a frame that the caller reuses; it must have been
// released.
func (c *Conn) ReadInto(f *Frame, limit int) error { return f.read(c.r, &c.head, limit) }

// ReadBytes reads the next length-prefixed block, as the raw SASL tokens after
// SaslHandshake version 0 are.
func (c *Conn) ReadBytes(limit int) ([]byte, error) { return ReadBytes(c.r, limit) }

// WriteBytes writes b with its length prefix.
func (c *Conn) WriteBytes(b []byte) error { return writeBlock(c.Conn, b) }
