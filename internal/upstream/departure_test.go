package upstream

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestDepartures: an end by the broker is one, an end by klamm or by a deadline is none.
func TestDepartures(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(ours, theirs net.Conn)
		want int
	}{
		"by the broker": {func(_, theirs net.Conn) { _ = theirs.Close() }, 1},
		"by klamm":      {func(ours, _ net.Conn) { _ = ours.Close() }, 0},
		"by a deadline": {func(ours, _ net.Conn) { _ = ours.SetReadDeadline(time.Unix(1, 0)) }, 0},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ours, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer ours.Close()
		theirs, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		n := 0
		tt.end(ours, theirs)
		if _, err := (departing{ours, func() { n++ }}).Read(make([]byte, 1)); err == nil || n != tt.want {
			t.Errorf("%s: %v, noticed %d times", name, err, n)
		}
	}
}

// TestVersionsAfterDeparture: a broker that has ended a client's connection is asked
// again what it serves.
func TestVersionsAfterDeparture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, Config{}, 2)
		defer f.close()
		f.must(f.Refresh(t.Context()))
		ask := func(broker int32) func() {
			return func() {
				_, err := f.Versions(t.Context(), broker)
				f.must(err)
			}
		}
		ask(Any)()
		f.asks(18, 0, ask(0))
		dial := f.Cluster.cfg.Dial
		var over atomic.Bool
		f.Cluster.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := dial(ctx, network, address)
			return ending{nc, &over}, err
		}
		link, err := f.Dial(t.Context(), 0)
		f.must(err)
		f.Cluster.cfg.Dial = dial
		over.Store(true)
		if _, err := link.Next(); err == nil {
			t.Fatal("the broker answers")
		}
		f.asks(18, 1, ask(0))
		f.asks(18, 0, ask(1))
	})
}

// ending is a connection whose other side ends it when it is over.
type ending struct {
	net.Conn
	over *atomic.Bool
}

func (e ending) Read(p []byte) (int, error) {
	if e.over.Load() {
		return 0, io.EOF
	}
	return e.Conn.Read(p)
}
