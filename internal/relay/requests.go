package relay

import (
	"errors"
	"io"
	"time"

	"github.com/klammhq/klamm/internal/fault"
)

// readRequests takes requests until the connection drains or ends, or a
// request was the last.
func (c *connection) readRequests() {
	defer c.recovered()
	for c.room() {
		if err := c.client.ReadInto(&c.frame, c.maxFrame); err != nil {
			c.unreadable(err)
			return
		}
		c.observer.Request(c.via.Cluster, c.frame.Key, len(c.frame.Bytes))
		more := c.request()
		c.frame.Release()
		if !more {
			return
		}
	}
}

// room waits until the queue has room; unread requests stay in TCP. It is
// false when no more are taken.
func (c *connection) room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full() {
		c.pace.waits.Add(1)
		for c.full() {
			c.changed.Wait()
		}
		c.pace.waits.Add(1)
	}
	return !c.draining
}

// full reports whether no request may be taken before an answer has gone.
func (c *connection) full() bool {
	q := &c.queue
	return !c.draining && q.n > 0 && (q.n >= c.inFlight || q.bytes >= c.inFlightBytes || q.waiting >= c.waiting)
}

// unreadable ends the connection. Answers that are due are delivered even to a
// client that hung up, since it may have closed only its sending side.
func (c *connection) unreadable(err error) {
	if c.isDraining() {
		return // by its own read deadline
	}
	reason := ByClient
	if fault.KindOf(err) == fault.Malformed {
		reason = ByFrame
		if w, ok := c.session.(Witness); ok {
			w.Unreadable(err)
		}
	} else if errors.Is(err, io.EOF) {
		err = nil
	}
	c.drain(reason, err, c.settings.drain)
}

// request does what the session says about the frame at hand. It is false
// when nothing more is to be read.
func (c *connection) request() bool {
	plan, err := c.session.Plan(c.work, &c.frame)
	if err != nil {
		reason := ByPlan
		if fault.KindOf(err) == fault.Unauthenticated {
			reason = BySession
		}
		c.drain(reason, err, c.settings.drain)
		return false
	}
	switch plan.Verdict {
	case Pass, Send:
		return c.forward(plan)
	case Answer:
		p := pending{local: true, bytes: plan.Bytes, size: len(plan.Bytes), last: plan.Last, drop: plan.Drop}
		if plan.Hold > 0 {
			p.ready = time.Now().Add(plan.Hold)
		}
		if !c.owe(p) {
			return false
		}
		c.writeLocal()
		return !plan.Last
	}
	c.drain(ByPlan, fault.New(fault.Forbidden, "closed: %s", plan.Reason), c.settings.drain)
	return false
}

// owe puts p at the end of the queue; false means that it came too late.
func (c *connection) owe(p pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		c.queue.push(p)
	}
	return !c.draining
}

// forward sends the request upstream.
func (c *connection) forward(plan Plan) bool {
	if c.link == nil && !c.dial() {
		return false
	}
	p := pending{correlation: c.frame.Correlation, edit: plan.Edit, stream: plan.Stream, size: len(c.frame.Bytes), last: plan.Last, drop: plan.Drop}
	if plan.NoReply {
		if c.isDraining() {
			return false
		}
	} else if !c.owe(p) { // before the bytes are sent: their answer may be quick
		return false
	}
	c.pace.waits.Add(1)
	var err error
	if plan.Verdict == Send {
		err = c.link.WriteBytes(plan.Bytes)
	} else {
		err = c.frame.WriteTo(c.link)
	}
	c.pace.waits.Add(1)
	if err != nil {
		c.end(ByUpstream, err)
		return false
	}
	if plan.NoReply && plan.Last {
		c.drain(ByAnswer, nil, c.settings.drain)
	}
	return !plan.Last
}

func (c *connection) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// dial opens the one upstream connection.
func (c *connection) dial() bool {
	link, err := c.session.Dial(c.work)
	if err != nil {
		c.drain(ByUpstream, err, c.settings.drain)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = link
	if c.draining {
		_ = link.Close()
		return false
	}
	c.watch()
	c.helpers.Go(c.readAnswers)
	return true
}
