// Package kafka is the wire: frames, request headers, SASL messages and the
// authenticated connection to a broker. It knows the protocol's envelope and
// no rule: who may do what is decided elsewhere.
package kafka

import (
	"encoding/binary"
	"io"

	"github.com/klammhq/klamm/internal/fault"
)

// Header is a request header, versions 1 and 2 (Kafka protocol guide, "Common
// Request and Response Structure"; KIP-482). Version 0 belongs to
// ControlledShutdown alone, which klamm never serves.
type Header struct {
	Key         int16
	Version     int16
	Correlation int32
	ClientID    []byte // aliases the frame; nil when null
	Tagged      bool   // there are tagged fields, of which no version knows one
}

// Frame is one request as it stands on the wire, without its length prefix.
// Nothing may keep a slice of it after Release.
type Frame struct {
	Header
	Bytes  []byte  // header and body
	body   int     // where the body begins
	buffer *Buffer // nil when the bytes are the caller's
}

// Body is the request without its header.
func (f *Frame) Body() []byte { return f.Bytes[f.body:] }

// Release gives the buffer back, once.
func (f *Frame) Release() {
	if f.buffer != nil {
		if f.Key == saslAuthenticate {
			clear(f.buffer.Bytes) // a token must not wait in the pool
		}
		f.buffer.Release()
		*f = Frame{}
	}
}

// WriteTo writes the frame with its length prefix.
func (f *Frame) WriteTo(l *Link) error {
	if f.buffer == nil {
		return l.WriteBytes(f.Bytes)
	}
	_, err := l.Write(f.buffer.Bytes)
	return err
}

// ReadBytes reads one length-prefixed block of at most limit bytes. The length
// is checked before anything is allocated, and alone it claims at most 16 KiB.
func ReadBytes(r io.Reader, limit int) ([]byte, error) {
	b, err := readBlock(r, new([prefix]byte), limit)
	if err != nil {
		return nil, err
	}
	defer b.wipe() // it may be a token
	return append([]byte(nil), b.Bytes[prefix:]...), nil
}

// ReadFrame reads one request of at most limit bytes and its header.
func ReadFrame(r io.Reader, limit int) (*Frame, error) {
	f := &Frame{}
	return f, f.read(r, new([prefix]byte), limit)
}

func (f *Frame) read(r io.Reader, head *[prefix]byte, limit int) error {
	b, err := readBlock(r, head, limit)
	if err != nil {
		return err
	}
	*f = Frame{Bytes: b.Bytes[prefix:], buffer: b}
	if err := f.parse(); err != nil {
		f.Release()
		return err
	}
	return nil
}

// ParseFrame reads the header of a request that the caller has in memory.
func ParseFrame(b []byte) (*Frame, error) {
	f := &Frame{Bytes: b}
	if err := f.parse(); err != nil {
		return nil, err
	}
	return f, nil
}

// fixed is the size of a header before the client id: key, version,
// correlation id and the length of the client id.
const fixed = 10

func (f *Frame) parse() error {
	b := f.Bytes
	if len(b) < fixed {
		return fault.New(fault.Malformed, "a request of %d bytes, expected a header of at least %d", len(b), fixed)
	}
	f.Key = int16(binary.BigEndian.Uint16(b))
	f.Version = int16(binary.BigEndian.Uint16(b[2:]))
	f.Correlation = int32(binary.BigEndian.Uint32(b[4:]))
	n := int(int16(binary.BigEndian.Uint16(b[8:])))
	if n < -1 || fixed+n > len(b) {
		return fault.New(fault.Malformed, "a client id of %d bytes in a request of %d", n, len(b))
	}
	f.body = fixed
	if n >= 0 {
		f.ClientID = b[fixed : fixed+n]
		f.body += n
	}
	if Flexible(f.Key, f.Version) {
		n, err := skipTags(b[f.body:])
		if err != nil {
			return err
		}
		const none = 1 // byte, their number
		f.body, f.Tagged = f.body+n, n > none
	}
	return nil
}

// ResponseHeader begins a response frame: correlation id, and the empty tag
// section where the response header has one (version 1; ApiVersions always
// has version 0, KIP-511). The body is appended by the caller.
func ResponseHeader(dst []byte, key, version int16, correlation int32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
	if key != apiVersions && Flexible(key, version) {
		dst = append(dst, 0)
	}
	return dst
}
