package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// connection is one client. Its own goroutine reads requests; when the
// upstream was dialled a second one reads the answers; a third, small one waits
// for the end of the session. An answer is written by whoever finds it at the
// head of the queue: a local one by the goroutine that put it there or that
// took away the one before it, the broker's by the one that reads it.
type connection struct {
	*settings
	via     Via
	raw     net.Conn
	gone    chan struct{} // closed when nothing of it is left
	client  *kafka.Conn
	session Session
	frame   kafka.Frame
	pace    pace
	link    *kafka.Link // only the reader touches it; end closes it under mu

	work     context.Context // of Plan and Dial; ends when no more requests are taken
	stopWork context.CancelFunc
	helpers  sync.WaitGroup

	mu       sync.Mutex
	changed  sync.Cond // the queue got shorter, or the connection drains or ended
	queue    queue
	writing  bool // somebody writes local answers
	draining bool // no more requests
	ended    bool
	torn     bool          // a write to the client failed
	over     chan struct{} // closed with ended
	timers   [3]*time.Timer
	reason   Reason // the first one
	cause    error
}

// The timers of a connection.
const (
	holdTimer = iota
	drainTimer
	paceTimer
)

// serve is the life of one connection.
func (s *Server) serve(ctx context.Context, set *settings, nc net.Conn, via Via) {
	c := &connection{settings: set, via: via, raw: nc, gone: make(chan struct{}), over: make(chan struct{})}
	c.changed.L = &c.mu
	c.work, c.stopWork = context.WithCancel(ctx)
	c.observer.Opened(via.Cluster)
	defer close(c.gone)
	defer c.report()
	defer c.helpers.Wait()
	address := addressOf(nc.RemoteAddr())
	if reason, ok := s.admit(c, address); !ok {
		c.end(reason, nil)
		return
	}
	defer s.leave(c, address)
	defer context.AfterFunc(ctx, func() { c.end(ByShutdown, nil) })()
	keepAlive(nc)
	if s.Refuse != nil {
		if err := s.Refuse(via); err != nil {
			reset(nc)
			c.end(ByDeath, err)
			return
		}
	}
	if c.letIn(s) {
		c.relay()
		c.accuse()
		c.session.Close()
	}
}

// keepAlive makes the system find peers that are gone without a word.
func keepAlive(nc net.Conn) {
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3})
	}
}

// reset makes the system end the connection with RST, as a machine does on which
// nobody listens: franz-go takes an end in good order before TLS for a mistake in
// its settings, which it does not try again and tells the application.
func reset(nc net.Conn) {
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
}

// letIn does TLS and Accept within the handshake deadline.
func (c *connection) letIn(s *Server) bool {
	defer c.recovered()
	ctx, cancel := context.WithTimeout(c.work, c.handshake)
	defer cancel()
	deadline, _ := ctx.Deadline()
	_ = c.raw.SetDeadline(deadline)
	nc := c.raw
	if c.tls != nil {
		t := tls.Server(c.raw, c.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			c.end(ByHandshake, err)
			return false
		}
		nc = t
	}
	c.mu.Lock()
	c.client = kafka.NewConn(nc)
	c.mu.Unlock()
	session, err := s.Acceptor.Accept(ctx, c.client, c.via)
	if err != nil {
		c.end(ByHandshake, err)
		return false
	}
	c.mu.Lock()
	c.session = session
	if !c.draining && !c.ended {
		_ = c.raw.SetDeadline(time.Time{})
	}
	c.mu.Unlock()
	return true
}

// relay carries frames until the end.
func (c *connection) relay() {
	if done := c.session.Done(); done != nil {
		c.helpers.Go(func() {
			select {
			case <-done:
				c.drain(BySession, nil, c.settings.drain)
			case <-c.over:
			}
		})
	}
	c.readRequests()
	<-c.over
}

// drain takes no more requests, waits at most limit (0: forever) for the
// answers that are worth waiting for, and ends the connection.
func (c *connection) drain(reason Reason, cause error, limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.because(reason, cause)
	if c.session == nil || c.queue.awaited == 0 {
		c.endLocked()
		return
	}
	if limit > 0 && c.timers[drainTimer] == nil {
		c.timers[drainTimer] = time.AfterFunc(limit, func() { c.end(reason, cause) })
	}
	c.draining = true
	c.stopWork()
	_ = c.raw.SetReadDeadline(time.Unix(1, 0))
	c.changed.Broadcast()
}

// end cuts the connection. The first reason given is the one that is reported.
func (c *connection) end(reason Reason, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.because(reason, cause)
	c.endLocked()
}

func (c *connection) because(reason Reason, cause error) {
	if c.reason == "" {
		c.reason, c.cause = reason, cause
	}
}

func (c *connection) endLocked() {
	if c.ended {
		return
	}
	c.ended, c.draining = true, true
	c.stopWork()
	c.helpers.Go(c.hangUp) // before over, so that nobody waits too early
	close(c.over)
	for _, t := range c.timers {
		if t != nil {
			t.Stop()
		}
	}
	c.changed.Broadcast()
}

// blame ends the connection by what the broker did. It may have been draining
// for another reason, but this one must be heard of. c.mu is held.
func (c *connection) blame(reason Reason, cause error) {
	if !c.ended {
		c.reason, c.cause = reason, cause
	}
	c.endLocked()
}

// hangUp closes both sides; it may wait for a moment to say goodbye in TLS. A
// client hears none behind a write that failed: in the place of what was not
// written it would read as bytes that somebody has changed.
func (c *connection) hangUp() {
	c.mu.Lock()
	link, client := c.link, c.client
	if c.torn {
		client = nil
	}
	c.mu.Unlock()
	if link != nil {
		_ = link.Close()
	}
	if client != nil {
		_ = client.Close()
	}
	_ = c.raw.Close()
}

// recovered turns a panic in a rule into the end of this one connection.
func (c *connection) recovered() {
	if p := recover(); p != nil {
		c.end(ByPanic, fault.New(fault.Internal, "a panic while relaying: %v", p).Because(errors.New(string(debug.Stack()))))
	}
}
