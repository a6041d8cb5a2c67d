package kafka

import (
	"bufio"
	"context"
	"encoding/binary"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// Conn is a client's connection.
type Conn struct {
	net.Conn
	r *bufio.Reader
}

// NewConn wraps c, which is a finished TLS connection or a plain one.
func NewConn(c net.Conn) *Conn { return &Conn{Conn: c, r: bufio.NewReaderSize(c, 4096)} }

// ReadFrame reads the next request of at most max bytes.
func (c *Conn) ReadFrame(max int) (*Frame, error) { return ReadFrame(c.r, max) }

// ReadBytes reads the next length-prefixed block, as the raw SASL tokens after
// SaslHandshake version 0 are.
func (c *Conn) ReadBytes(max int) ([]byte, error) { return ReadBytes(c.r, max) }

// WriteBytes writes b with its length prefix.
func (c *Conn) WriteBytes(b []byte) error { return writeBytes(c.Conn, b) }

func writeBytes(w net.Conn, b []byte) error {
	buf := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b)))
	_, err := w.Write(append(buf, b...))
	return err
}

// Link is a logged-in connection to one broker. Either the relay drives it
// frame by frame, or its owner asks single requests; never both.
type Link struct {
	net.Conn
	Broker      int32 // node id
	r           *bufio.Reader
	correlation int32
}

// NewLink wraps c.
func NewLink(c net.Conn, broker int32) *Link {
	return &Link{Conn: c, Broker: broker, r: bufio.NewReaderSize(c, 4096)}
}

// MaxResponse is the largest answer of a broker that is read: 1 GiB.
const MaxResponse = 1 << 30

// Request sends req in the version it is set to and waits for its answer.
// Calls must not overlap. An error leaves the link unusable.
func (l *Link) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	l.correlation++
	b := kmsg.NewRequestFormatter(kmsg.FormatterClientID("klamm")).AppendRequest(nil, req, l.correlation)
	if _, err := l.Write(b); err != nil {
		return nil, err
	}
	answer, err := ReadBytes(l.r, MaxResponse)
	if err != nil {
		return nil, err
	}
	if len(answer) < 4 || int32(binary.BigEndian.Uint32(answer)) != l.correlation {
		return nil, fault.New(fault.Malformed, "broker %d answered with another correlation id", l.Broker)
	}
	body := answer[4:]
	if req.Key() != 18 && req.IsFlexible() {
		n, err := skipTags(body)
		if err != nil {
			return nil, err
		}
		body = body[n:]
	}
	resp := req.ResponseKind()
	return resp, resp.ReadFrom(body)
}
