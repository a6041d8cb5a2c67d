package kafka

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// broker answers each request on its side of a pipe.
func broker(t *testing.T, answer func(*Frame) []byte) *Link {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	go func() {
		c := NewConn(far)
		for {
			f, err := c.ReadFrame(1 << 20)
			if err != nil {
				return
			}
			if b := answer(f); b != nil {
				_ = c.WriteBytes(b)
			}
			f.Release()
		}
	}()
	return NewLink(near, 3)
}

func TestRequest(t *testing.T) {
	l := broker(t, func(f *Frame) []byte {
		resp := kmsg.NewPtrMetadataResponse()
		resp.Version = f.Version
		resp.ControllerID = 42
		return resp.AppendTo(ResponseHeader(nil, f.Key, f.Version, f.Correlation))
	})
	for _, v := range []int16{1, 9, 12} {
		req := kmsg.NewPtrMetadataRequest()
		req.Version = v
		resp, err := l.Request(t.Context(), req)
		if err != nil || resp.(*kmsg.MetadataResponse).ControllerID != 42 {
			t.Errorf("version %d: %v %v", v, err, resp)
		}
	}
}

func TestRequestReadsVersion0Refusal(t *testing.T) {
	l := broker(t, func(f *Frame) []byte {
		return append(ResponseHeader(nil, f.Key, f.Version, f.Correlation), 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 3)
	})
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = 4
	answer, err := l.Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if resp := answer.(*kmsg.ApiVersionsResponse); resp.ErrorCode != 35 || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].MaxVersion != 3 {
		t.Errorf("%+v", resp)
	}
}

func TestRequestRefuses(t *testing.T) {
	for name, answer := range map[string]func(*Frame) []byte{
		"another correlation id": func(f *Frame) []byte { return ResponseHeader(nil, 3, 1, f.Correlation+1) },
		"no correlation id":      func(*Frame) []byte { return []byte{1} },
		"a body that is cut":     func(f *Frame) []byte { return append(ResponseHeader(nil, 3, 1, f.Correlation), 0, 0, 0, 9) },
	} {
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 1
		if _, err := broker(t, answer).Request(t.Context(), req); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRequestEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := broker(t, func(*Frame) []byte { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Request(ctx, kmsg.NewPtrMetadataRequest()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestHoldIsCapped(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() { _, _ = far.Write(block(make([]byte, 100))); far.Close() }()
	a, err := NewLink(near, 3).Next()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Hold(99); fault.KindOf(err) != fault.Exhausted {
		t.Errorf("%v", err)
	}
}

func TestStream(t *testing.T) {
	for _, size := range []int{4, 5, chunk - 4, chunk, chunk + 1, 5 * chunk} {
		want := block(bytes.Repeat([]byte{7}, size))
		near, far := net.Pipe()
		go func() { _, _ = far.Write(want); far.Close() }()
		l := NewLink(near, 3)
		a, err := l.Next()
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := a.Stream(&got, nil); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("size %d: %v, %d bytes of %d", size, err, got.Len(), len(want))
		}
		if _, err := l.Next(); err != io.EOF {
			t.Errorf("size %d: %v after it, expected the end", size, err)
		}
	}
}

func TestStreamTellsWhoFailed(t *testing.T) {
	near, far := net.Pipe()
	go func() { _, _ = far.Write(block(make([]byte, 100))[:50]); far.Close() }()
	a, _ := NewLink(near, 3).Next()
	if broken, err := a.Stream(io.Discard, nil); !broken || err != io.ErrUnexpectedEOF {
		t.Errorf("an answer that is cut: %v %v", broken, err)
	}
	near, far = net.Pipe()
	defer near.Close()
	go func() { _, _ = far.Write(block(make([]byte, 100))); far.Close() }()
	a, _ = NewLink(near, 3).Next()
	_, gone := io.Pipe()
	gone.Close()
	if broken, err := a.Stream(gone, nil); broken || err == nil {
		t.Errorf("a client that is gone: %v %v", broken, err)
	}
}

// upper is an edit that makes letters large and fails at a '!'.
type upper struct{ seen int }

func (u *upper) Edit(b []byte) error {
	u.seen += len(b)
	if bytes.Contains(b, []byte("!")) {
		return fault.New(fault.Malformed, "a !")
	}
	copy(b, bytes.ToUpper(b))
	return nil
}

func (u *upper) End() error {
	if u.seen%2 == 1 {
		return fault.New(fault.Malformed, "odd")
	}
	return nil
}

func TestStreamEdit(t *testing.T) {
	even := strings.Repeat("x", 3*chunk)
	for name, c := range map[string]struct {
		body string
		fail bool
	}{"small": {"ab", false}, "large": {even, false}, "refused at the end": {even + "!!", true}, "refused after it": {"a", true}} {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			go func() { _, _ = far.Write(block([]byte("\x00\x00\x00\x07" + c.body))); far.Close() }()
			a, err := NewLink(near, 3).Next()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			broken, err := a.Stream(&got, &upper{})
			if broken || EditFailed(err) != c.fail || (err != nil) != c.fail {
				t.Fatalf("broken %v, error %v", broken, err)
			}
			whole := "\x00\x00\x00\x07" + strings.ToUpper(c.body)
			if !c.fail && got.String() != string(block([]byte(whole))) {
				t.Errorf("%d bytes of %d came, or not edited", got.Len(), len(whole)+4)
			}
			if c.fail && strings.HasSuffix(got.String(), "!!") {
				t.Error("what the edit refused was delivered")
			}
		})
	}
}
