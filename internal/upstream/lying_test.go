package upstream

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// TestLyingBroker ends each answer with a count of four billion tagged fields
// that do not follow. Who believes it keeps a core busy for a minute, and no
// context ends that.
func TestLyingBroker(t *testing.T) {
	c, err := New(Config{Name: "lkc-test", Bootstrap: []string{"localhost:1"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			conn := kafka.NewConn(far)
			for {
				f, err := conn.ReadFrame(1 << 20)
				if err != nil {
					return
				}
				resp := kmsg.ResponseForKey(f.Key)
				resp.SetVersion(f.Version)
				answer := resp.AppendTo(kafka.ResponseHeader(nil, f.Key, f.Version, f.Correlation))
				_ = conn.WriteBytes(append(answer[:len(answer)-1], 0xff, 0xff, 0xff, 0xff, 0x0f))
				f.Release()
			}
		}()
		return near, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	metadata, versions, create := kmsg.NewPtrMetadataRequest(), kmsg.NewPtrApiVersionsRequest(), kmsg.NewPtrCreateTopicsRequest()
	metadata.Version, versions.Version, create.Version = 12, newestApiVersions, 5
	for _, req := range []kmsg.Request{metadata, versions, create} {
		began := time.Now()
		if _, err := c.Request(t.Context(), Any, req); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", kmsg.Key(req.Key()).Name(), err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: refused after %v", kmsg.Key(req.Key()).Name(), took)
		}
	}
}
