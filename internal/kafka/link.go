package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// Link is a logged-in connection to one broker. Either the relay drives it
// frame by frame, or its owner asks single requests; never both.
type Link struct {
	net.Conn
	Broker int32 // node id
	// Decode reads the bodies of answers to Request. Nil leaves it to kmsg, which
	// believes every count that it reads, and so trusts the broker.
	Decode      func(key, version int16, body []byte) (kmsg.Response, error)
	r           io.Reader
	correlation int32
	head        [prefix + 4]byte
}

// NewLink wraps c; use the Link from then on.
func NewLink(c net.Conn, broker int32) *Link {
	return &Link{Conn: c, Broker: broker, r: reader(c)}
}

// MaxResponse is the largest answer of a broker that is held: 256 MiB.
const MaxResponse = 256 << 20

func (l *Link) Read(p []byte) (int, error) { return l.r.Read(p) }

// WriteBytes writes b with its length prefix.
func (l *Link) WriteBytes(b []byte) error { return writeBlock(l.Conn, b) }

// Answer is the beginning of a broker's answer whose rest is still unread.
type Answer struct {
	Correlation int32
	Size        int // of header and body, without the length prefix
	link        *Link
}

// Next waits for the next answer. Its rest must be read, by Hold or Stream,
// before the next call.
func (l *Link) Next() (Answer, error) {
	if _, err := io.ReadFull(l.r, l.head[:prefix]); err != nil {
		return Answer{}, err
	}
	size := int(int32(binary.BigEndian.Uint32(l.head[:])))
	if size < 4 {
		return Answer{}, fault.New(fault.Malformed, "broker %d sent an answer of %d bytes, expected at least a correlation id", l.Broker, size)
	}
	if _, err := io.ReadFull(l.r, l.head[prefix:]); err != nil {
		return Answer{}, unexpected(err)
	}
	return Answer{int32(binary.BigEndian.Uint32(l.head[prefix:])), size, l}, nil
}

// Hold reads the whole answer into a pooled buffer, length prefix included.
func (a Answer) Hold(limit int) (*Buffer, error) {
	if a.Size > limit {
		return nil, fault.New(fault.Exhausted, "broker %d sent an answer of %d bytes to be held, at most %d are", a.link.Broker, a.Size, limit)
	}
	b := NewBuffer(room(0, prefix+a.Size))
	n := copy(b.Bytes, a.link.head[:])
	return fill(a.link.r, b, n, prefix+a.Size)
}

// chunk is how much of an answer is in memory while it streams: two TLS records.
const chunk = 32 << 10

// StreamEdit changes an answer in place while it streams; its length stays.
type StreamEdit interface {
	// Edit gets the answer piece by piece, from its correlation id on.
	Edit([]byte) error
	// End is called after the last byte.
	End() error
}

// errEdit is what the edit of a stream found; it is neither side's fault of
// connection.
type errEdit struct{ error }

func (e errEdit) Unwrap() error { return e.error }

// EditFailed reports whether an error of [Answer.Stream] is its edit's.
func EditFailed(err error) bool {
	_, ok := errors.AsType[errEdit](err)
	return ok
}

// Stream copies the answer to w as it comes, and reads no faster than w takes
// it. edit may be nil. broken tells that the broker's side failed; else it was
// w's, or the edit's.
func (a Answer) Stream(w io.Writer, edit StreamEdit) (broken bool, err error) {
	left := prefix + a.Size
	b := NewBuffer(min(left, chunk))
	defer b.Release()
	have, body := copy(b.Bytes, a.link.head[:]), prefix
	for {
		if want := min(left, len(b.Bytes)); have < want {
			n, err := a.link.r.Read(b.Bytes[have:want])
			if have += n; err != nil && have < want {
				return true, unexpected(err)
			}
		}
		if edit != nil {
			if err := edit.Edit(b.Bytes[body:have]); err != nil {
				return false, errEdit{err}
			}
		}
		if left -= have; left == 0 && edit != nil {
			if err := edit.End(); err != nil {
				return false, errEdit{err}
			}
		}
		if _, err := w.Write(b.Bytes[:have]); err != nil || left == 0 {
			return false, err
		}
		have, body = 0, 0
	}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// unsupportedVersion is Kafka's error code for a request version that the
// broker does not know.
const unsupportedVersion = 35

// Request sends req in the version it is set to and waits for its answer.
// Calls must not overlap. An error leaves the link unusable; it is ctx's when
// ctx ended.
func (l *Link) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	stop := context.AfterFunc(ctx, func() { _ = l.SetDeadline(time.Unix(1, 0)) })
	resp, err := l.request(req)
	if !stop() && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return resp, err
}

func (l *Link) request(req kmsg.Request) (kmsg.Response, error) {
	l.correlation++
	b := kmsg.NewRequestFormatter(kmsg.FormatterClientID("klamm")).AppendRequest(nil, req, l.correlation)
	if _, err := l.Write(b); err != nil {
		return nil, err
	}
	answer, err := l.Next()
	if err != nil {
		return nil, err
	}
	if answer.Correlation != l.correlation {
		return nil, fault.New(fault.Malformed, "broker %d answered with another correlation id", l.Broker)
	}
	held, err := answer.Hold(MaxResponse)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	// Decoded values alias the bytes, so they get a copy of their own.
	return l.decode(req, append([]byte(nil), held.Bytes[prefix+4:]...))
}

func (l *Link) decode(req kmsg.Request, body []byte) (kmsg.Response, error) {
	resp := req.ResponseKind()
	switch {
	case req.Key() == apiVersions:
		// A version above the broker's is answered in version 0 (KIP-511).
		if len(body) >= 2 && binary.BigEndian.Uint16(body) == unsupportedVersion {
			resp.SetVersion(0)
		}
	case req.IsFlexible():
		n, err := skipTags(body)
		if err != nil {
			return nil, err
		}
		body = body[n:]
	}
	if l.Decode != nil {
		return l.Decode(resp.Key(), resp.GetVersion(), body)
	}
	return resp, resp.ReadFrom(body)
}
