package api

import (
	"bytes"
	"testing"
)

// FuzzDecode wants no panic, no hang, and what goes upstream to be what was
// decided about: what was decoded and is written again has the bytes that came,
// but for booleans, of which there are 255 true ones, and for tagged fields that
// nobody knows or that say what their absence says; and decoded again it means the same,
// by its bytes, for a quota may be no number, which equals nothing.
func FuzzDecode(f *testing.F) {
	everyShape(requestShapes(), func(_ string, s *shape, key, version int16) {
		body, _, _ := spell(s, version, -1, nil)
		f.Add(key, version, body)
	})
	const quotas, noNumber = 49, "\x02\x02\x03ip\x00\x00\x02\x02r\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00"
	f.Add(int16(quotas), int16(1), []byte(noNumber))
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		req, err := Decode(key, version, body)
		if err != nil {
			return
		}
		written := req.AppendTo(nil)
		unknown, err := check(key, version, body)
		if err != nil {
			body = withoutSurplus(version, body)
		}
		if !unknown && !sameBytes(body, written) && key != 1 {
			t.Fatalf("key %d version %d: written again it differs\n%x\n%x", key, version, body, written)
		}
		again, err := Decode(key, version, written)
		if err != nil {
			t.Fatalf("key %d version %d: written again it is refused: %v\n%x", key, version, err, body)
		}
		if !bytes.Equal(again.AppendTo(nil), written) {
			t.Fatalf("key %d version %d: %+v\nwritten and decoded again\n%+v", key, version, req, again)
		}
	})
}

// sameBytes takes every true boolean for the same.
func sameBytes(body, written []byte) bool {
	if bytes.Equal(body, written) {
		return true
	}
	for i := range min(len(body), len(written)) {
		if body[i] != written[i] && (written[i] != 1 || body[i] == 0) {
			return false
		}
	}
	return len(body) == len(written)
}
