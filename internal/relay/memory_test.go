package relay

import (
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klammhq/klamm/internal/kafka"
)

// crowd is how many connections are in the same state at once.
const crowd = 200

// pressed are the states in which a peer sends more than another takes. In each
// of them klamm's memory must not depend on how much that is.
var pressed = map[string]struct {
	inFlight int
	plan     func(*kafka.Frame) (Plan, error)
	client   func(c *client, times int)
	broker   func(b *far, times int) // of each connection; nil: there is none
	most     int                     // bytes for one connection
}{
	"a client that does not read, answers that stream": {
		client: func(c *client, times int) { c.repeat(times*20, request(1, 1, "")) },
		broker: func(b *far, times int) { b.answers(times*20, response(1, string(make([]byte, 10_000)))) },
		most:   80 << 10,
	},
	"a client that does not read, answers that are held": {
		plan: func(*kafka.Frame) (Plan, error) {
			return Plan{Verdict: Pass, Edit: func(b []byte) ([]byte, error) { return append([]byte(nil), b...), nil }}, nil
		},
		client: func(c *client, times int) { c.repeat(times*20, request(3, 1, "")) },
		broker: func(b *far, times int) { b.answers(times*20, response(1, string(make([]byte, 30_000)))) },
		most:   220 << 10,
	},
	"a client that does not read, answers of klamm's own": {
		plan: func(f *kafka.Frame) (Plan, error) {
			return Plan{Verdict: Answer, Bytes: response(f.Correlation, string(make([]byte, 10_000)))}, nil
		},
		client: func(c *client, times int) { c.repeat(times*20, request(3, 1, "")) },
		most:   60 << 10,
	},
	"answers of klamm's own behind a long poll": {
		plan: func(f *kafka.Frame) (Plan, error) {
			if f.Key == 1 {
				return Plan{Verdict: Pass, Drop: true}, nil
			}
			return Plan{Verdict: Answer, Bytes: response(f.Correlation, string(make([]byte, 20_000)))}, nil
		},
		client: func(c *client, times int) { _, _ = c.Write(request(1, 1, "")); c.repeat(times*20, request(3, 1, "")) },
		broker: func(b *far, _ int) { _, _ = io.Copy(io.Discard, b) },
		most:   400 << 10,
	},
	"a client that writes one byte at a time": {
		client: func(c *client, times int) {
			head := binary.BigEndian.AppendUint32(nil, 64<<20)
			c.repeat(times*100, head[:1], head[1:2], head[2:3], head[3:])
		},
		most: 60 << 10,
	},
	"a client that wants no answers": {
		plan:   func(*kafka.Frame) (Plan, error) { return Plan{Verdict: Pass, NoReply: true}, nil },
		client: func(c *client, times int) { c.repeat(times*500, request(0, 1, strings.Repeat("x", 100))) },
		broker: func(b *far, _ int) { _, _ = io.Copy(io.Discard, b) },
		most:   40 << 10,
	},
	"a broker that does not read": {
		client: func(c *client, times int) { c.repeat(times*20, request(0, 1, strings.Repeat("x", 10_000))) },
		broker: func(*far, int) {},
		most:   70 << 10,
	},
	"a broker that does not read what wants no answers": {
		plan:   func(*kafka.Frame) (Plan, error) { return Plan{Verdict: Pass, NoReply: true}, nil },
		client: func(c *client, times int) { c.repeat(times*20, request(0, 1, strings.Repeat("x", 10_000))) },
		broker: func(*far, int) {},
		most:   70 << 10,
	},
	"a broker that reads and does not answer": {
		inFlight: 20,
		client:   func(c *client, times int) { c.repeat(times*20, request(0, 1, strings.Repeat("x", 1000))) },
		broker:   func(b *far, _ int) { _, _ = io.Copy(io.Discard, b) },
		most:     60 << 10,
	},
	"a broker that answers one byte at a time": {
		plan: func(*kafka.Frame) (Plan, error) {
			return Plan{Verdict: Pass, Edit: func(b []byte) ([]byte, error) { return b, nil }}, nil
		},
		client: func(c *client, _ int) { _, _ = c.Write(request(3, 1, "")) },
		broker: func(b *far, times int) {
			head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 64<<20), 1)
			_, _ = b.Write(head)
			(&client{b.end, b.t}).repeat(times*400, []byte{1})
		},
		most: 60 << 10,
	},
	"a client that closed its sending side": {
		inFlight: 20,
		client: func(c *client, times int) {
			c.repeat(times*20, request(0, 1, strings.Repeat("x", 1000)))
			c.CloseWrite()
		},
		broker: func(b *far, _ int) { _, _ = io.Copy(io.Discard, b) },
		most:   60 << 10,
	},
}

// repeat sends blocks again and again, until the far side is gone.
func (c *client) repeat(times int, blocks ...[]byte) {
	for range times {
		for _, b := range blocks {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
}

// answers sends the same answer so many times.
func (f *far) answers(times int, answer []byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(answer)))
	(&client{f.end, f.t}).repeat(times, append(b, answer...))
}

func TestMemoryIsFlat(t *testing.T) {
	for name, state := range pressed {
		t.Run(name, func(t *testing.T) {
			var cost, left [3]int
			for i, times := range []int{1, 1, 10} { // the first for what Go itself keeps
				inHouse(t, &Server{InFlight: state.inFlight}, func(h *house) {
					h.plan, h.socket = state.plan, 4<<10
					cost[i], left[i] = h.press(state.client, state.broker, times)
				})
			}
			t.Logf("figure: %d connections with %s: %d bytes each, %d when ten times as much is sent", crowd, name, cost[1], cost[2])
			if cost[2] > 2*max(cost[1], 20<<10) || max(cost[1], cost[2]) > state.most {
				t.Errorf("%d bytes for a connection, %d when ten times as much is sent; expected the same, at most %d", cost[1], cost[2], state.most)
			}
			if max(left[1], left[2]) > 1000 {
				t.Errorf("%d bytes are left of each connection when its peers have gone", max(left[1], left[2]))
			}
		})
	}
}

// press brings a crowd into a state and returns what one of them costs, with
// both its sockets and its peers, once nothing moves any more, and what is left
// of it when the peers have gone.
func (h *house) press(do func(*client, int), behind func(*far, int), times int) (cost, left int) {
	leave := make(chan struct{})
	before := heap()
	for range crowd {
		c := h.client()
		go do(c, times)
		go func() { <-leave; c.Close() }()
		if behind == nil {
			continue
		}
		go func() {
			b := h.broker()
			go func() { <-leave; b.Close() }()
			behind(b, times)
		}()
	}
	synctest.Wait()
	cost = (heap() - before) / crowd
	close(leave)
	<-time.After(time.Hour)
	synctest.Wait()
	if len(h.reasons) != crowd {
		h.t.Errorf("%d of %d connections ended", len(h.reasons), crowd)
	}
	return cost, (heap() - before) / crowd
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
