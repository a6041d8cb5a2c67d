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
			c.failed(ByUpstream, err)
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
		c.blame(ByOrder, c.undue(answer))
		return pending{}, false
	}
	return *c.queue.head(), true
}

// undue is the breach of an answer that is not due. c.mu is held.
func (c *connection) undue(answer kafka.Answer) error {
	if c.queue.n == 0 {
		return fault.New(fault.Malformed, "broker %d answered correlation id %d when no answer was due", c.link.Broker, answer.Correlation)
	}
	return fault.New(fault.Malformed, "broker %d answered correlation id %d, expected %d", c.link.Broker, answer.Correlation, c.queue.head().correlation)
}

// failed ends the connection by an answer that could not be delivered: by the
// broker's breach when the answer has no possible size, cannot be read or is
// more than is held, else by the reason given.
func (c *connection) failed(reason Reason, err error) {
	if k := fault.KindOf(err); k != fault.Malformed && k != fault.Exhausted {
		c.end(reason, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blame(ByNonsense, fault.New(fault.Malformed, "broker %d sent an answer that is of no use", c.link.Broker).Because(err))
}

// Write is the client's side of a streamed answer.
func (c *connection) Write(b []byte) (int, error) {
	c.mayWrite()
	return c.client.Write(b)
}

func (c *connection) stream(answer kafka.Answer, edit kafka.StreamEdit) bool {
	upstream, err := answer.Stream(c, edit)
	switch {
	case err == nil:
		return true
	case kafka.EditFailed(err):
		c.failed(ByPlan, err)
	case upstream:
		c.failed(ByUpstream, err)
	default:
		c.unwritable(err)
	}
	return false
}

func (c *connection) edited(answer kafka.Answer, edit func([]byte) ([]byte, error)) bool {
	held, err := answer.Hold(c.maxHeld)
	if err != nil {
		c.failed(ByUpstream, err)
		return false
	}
	defer held.Release()
	out, err := edit(held.Bytes[4:])
	if err != nil {
		c.failed(ByPlan, err)
		return false
	}
	return c.write(out)
}

// write delivers a whole answer.
func (c *connection) write(answer []byte) bool {
	c.mayWrite()
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.torn = true
	c.because(reason, err)
	c.endLocked()
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
