package relay

import (
	"errors"
	"os"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// readAnswers delivers the broker's answers. Answers are read no faster than
// the client takes them: there is one at a time, and at most a chunk of it is
// held unless it is to be edited.
func (c *connection) readAnswers() {
	defer c.recovered()
	for {
		answer, err := c.link.Next()
		if err != nil {
			c.end(ByUpstream, err)
			return
		}
		p, ok := c.due(answer)
		if !ok {
			return
		}
		if p.edit == nil {
			ok = c.stream(answer, p.stream)
		} else {
			ok = c.edited(answer, p.edit)
		}
		if !ok {
			return
		}
		c.delivered(answer.Size)
		c.writeLocal()
	}
}

// due waits until the local answers before it are written and finds the entry
// that answer belongs to.
func (c *connection) due(answer kafka.Answer) (pending, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended && c.queue.n > 0 && c.queue.head().local {
		c.changed.Wait()
	}
	if c.ended {
		return pending{}, false
	}
	if c.queue.n == 0 || c.queue.head().correlation != answer.Correlation {
		c.because(ByOrder, fault.New(fault.Malformed, "broker %d answered correlation id %d, which was not due", c.link.Broker, answer.Correlation))
		c.endLocked()
		return pending{}, false
	}
	return *c.queue.head(), true
}

// Write is the client's side of a streamed answer.
func (c *connection) Write(b []byte) (int, error) {
	_ = c.raw.SetWriteDeadline(time.Now().Add(c.stall))
	return c.client.Write(b)
}

func (c *connection) stream(answer kafka.Answer, edit kafka.StreamEdit) bool {
	upstream, err := answer.Stream(c, edit)
	switch {
	case err == nil:
		return true
	case kafka.EditFailed(err):
		c.end(ByPlan, err)
	case upstream:
		c.end(ByUpstream, err)
	default:
		c.unwritable(err)
	}
	return false
}

func (c *connection) edited(answer kafka.Answer, edit func([]byte) ([]byte, error)) bool {
	held, err := answer.Hold(c.maxHeld)
	if err != nil {
		c.end(ByUpstream, err)
		return false
	}
	defer held.Release()
	out, err := edit(held.Bytes[4:])
	if err != nil {
		c.end(ByPlan, err)
		return false
	}
	return c.write(out)
}

// write delivers a whole answer.
func (c *connection) write(answer []byte) bool {
	_ = c.raw.SetWriteDeadline(time.Now().Add(c.stall))
	if err := c.client.WriteBytes(answer); err != nil {
		c.unwritable(err)
		return false
	}
	return true
}

func (c *connection) unwritable(err error) {
	reason := ByClient
	if errors.Is(err, os.ErrDeadlineExceeded) {
		reason = ByStall
	}
	c.end(reason, err)
}

// delivered takes the head off the queue. It is the end when that was the last
// answer, or the last that a draining connection waited for.
func (c *connection) delivered(bytes int) {
	c.observer.Response(c.via.Cluster, bytes)
	_ = c.raw.SetWriteDeadline(time.Time{}) // TLS itself may have to write while reading
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.queue.pop()
	c.changed.Broadcast()
	if p.last {
		c.because(ByAnswer, nil)
	}
	if p.last || c.draining && c.queue.awaited == 0 {
		c.endLocked()
	}
}

// writeLocal writes the local answers at the head of the queue that are not
// held back, unless somebody is doing it.
func (c *connection) writeLocal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writing {
		return
	}
	c.writing = true
	for !c.ended && c.queue.n > 0 && c.queue.head().local {
		p := c.queue.head()
		if !p.ready.IsZero() {
			if wait := time.Until(p.ready); wait > 0 {
				if t := c.timers[holdTimer]; t != nil {
					t.Stop()
				}
				c.timers[holdTimer] = time.AfterFunc(wait, c.writeLocal)
				break
			}
		}
		answer := p.bytes
		c.mu.Unlock()
		if c.write(answer) {
			c.delivered(len(answer))
		}
		c.mu.Lock()
	}
	c.writing = false
}
