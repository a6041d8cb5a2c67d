package relay

import (
	"sync/atomic"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// Neither side may hold on to the other for ever by taking nothing: who is not
// read meanwhile may have left long ago, and nobody would notice. A client has a
// deadline for each write. A broker has none for its answers, since a JoinGroup
// takes its time; but while the reader of requests waits, for room in the
// broker's socket or in the queue, something must move. Kafka itself closes a
// connection on which nothing moves.

// mayWrite gives the client its time for the next write.
func (c *connection) mayWrite() {
	c.pace.moves.Add(1)
	_ = c.raw.SetWriteDeadline(time.Now().Add(c.stall))
}

// pace is what has moved. Counting costs less than looking at the clock for each
// request.
type pace struct {
	waits atomic.Uint64 // odd while the reader of requests waits for the broker
	moves atomic.Uint64 // writes to the client
}

// watch looks at the pace now and again. The pauses are longer than a client's
// deadline, so that one that takes no answers is found to be the reason before
// its broker is. c.mu is held.
func (c *connection) watch() {
	var waits, moves uint64
	pause := c.stall + c.stall/4
	c.timers[paceTimer] = time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w, m := c.pace.waits.Load(), c.pace.moves.Load()
		if w%2 == 1 && w == waits && m == moves {
			c.because(ByUpstream, c.stuck(pause))
			c.endLocked()
		}
		if waits, moves = w, m; !c.ended {
			c.timers[paceTimer].Reset(pause)
		}
	})
}

// stuck says what the broker did not do. c.mu is held.
func (c *connection) stuck(pause time.Duration) error {
	if c.full() {
		return fault.New(fault.Unavailable, "broker %d answered none of %d requests within %v, and no more are taken", c.link.Broker, c.queue.n, pause)
	}
	return fault.New(fault.Unavailable, "broker %d did not take a request within %v", c.link.Broker, pause)
}
