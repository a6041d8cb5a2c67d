// Package kafka is the wire: frames, request headers, SASL messages and the
// authenticated connection to a broker. It knows the protocol's envelope and
// no rule: who may do what is decided elsewhere.
package kafka

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
// It lives in a pooled buffer: nothing may keep a slice of it after Release.
type Frame struct {
	Header
	Bytes  []byte // header and body
	body   int    // where the body begins
	pooled *[]byte
}

// Body is the request without its header.
func (f *Frame) Body() []byte { return f.Bytes[f.body:] }
