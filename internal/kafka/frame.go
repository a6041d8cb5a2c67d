// Package kafka is the wire: frames, request headers, SASL messages and the
// authenticated connection to a broker. It knows the protocol's envelope and
// no rule: who may do what is decided elsewhere.
package kafka

import (
	"encoding/binary"
	"io"

	"github.com/twmb/franz-go/pkg/kmsg"

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
}

// Frame is one request as it stands on the wire, without its length prefix.
// Nothing may keep a slice of it after Release.
type Frame struct {
	Header
	Bytes []byte // header and body
	body  int    // where the body begins
}

// Body is the request without its header.
func (f *Frame) Body() []byte { return f.Bytes[f.body:] }

// Release gives the buffer back.
func (f *Frame) Release() {}

// ReadBytes reads one length-prefixed block of at most max bytes. The length
// is checked before anything is allocated.
func ReadBytes(r io.Reader, max int) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < 0 || int(n) > max {
		return nil, fault.New(fault.Malformed, "a block of %d bytes, at most %d are read", n, max)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}

// ReadFrame reads one request and its header.
func ReadFrame(r io.Reader, max int) (*Frame, error) {
	b, err := ReadBytes(r, max)
	if err != nil {
		return nil, err
	}
	return ParseFrame(b)
}

// ParseFrame reads the header of a request.
func ParseFrame(b []byte) (*Frame, error) {
	f := &Frame{Bytes: b}
	if len(b) < 10 {
		return nil, fault.New(fault.Malformed, "a request of %d bytes has no header", len(b))
	}
	f.Key = int16(binary.BigEndian.Uint16(b))
	f.Version = int16(binary.BigEndian.Uint16(b[2:]))
	f.Correlation = int32(binary.BigEndian.Uint32(b[4:]))
	n := int(int16(binary.BigEndian.Uint16(b[8:])))
	f.body = 10
	if n >= 0 {
		if len(b) < 10+n {
			return nil, fault.New(fault.Malformed, "a client id of %d bytes does not fit the frame", n)
		}
		f.ClientID = b[10 : 10+n]
		f.body += n
	}
	if Flexible(f.Key, f.Version) {
		n, err := skipTags(b[f.body:])
		if err != nil {
			return nil, err
		}
		f.body += n
	}
	return f, nil
}

// Flexible reports whether requests of this key and version have tagged
// fields, and so a request header of version 2 (KIP-482).
func Flexible(key, version int16) bool {
	req := kmsg.RequestForKey(key)
	if req == nil {
		return false
	}
	req.SetVersion(version)
	return req.IsFlexible()
}

func skipTags(b []byte) (int, error) {
	if len(b) == 0 || b[0] != 0 {
		return 0, fault.New(fault.Malformed, "a request header with tags")
	}
	return 1, nil
}

// Response begins a response frame for req: correlation id, and the empty tag
// section where the response header has one (version 1; ApiVersions always
// has version 0). The body is appended by the caller.
func ResponseHeader(dst []byte, key, version int16, correlation int32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
	if key != 18 && Flexible(key, version) {
		dst = append(dst, 0)
	}
	return dst
}
