package upstream

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
)

// lookup is a connection for klamm's own requests.
type lookup struct {
	*kafka.Link
	until time.Time // when the login must be renewed; zero for never
	since time.Time // when it became idle
}

// Connections for look-ups are kept: so many for each broker, for so long.
// Kafka itself closes them after 10 minutes.
const (
	mostIdle    = 2
	longestIdle = time.Minute
)

// Request asks a broker, or any that answers, on one of klamm's own
// connections, and waits at most the configured timeout. The version is the
// caller's choice; see Versions. Where a kept connection turns out to be dead
// the request is sent again on a new one. The error is Unavailable, or ctx's.
func (c *Cluster) Request(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error) {
	timed, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	resp, err := c.request(timed, broker, req)
	if err != nil && timed.Err() != nil && ctx.Err() == nil {
		err = fault.New(fault.Unavailable, "cluster %q did not answer within %v", c.cfg.Name, c.cfg.Timeout).Because(err)
	}
	return resp, err
}

func (c *Cluster) request(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error) {
	targets, err := c.targets(ctx, broker) // before taking a place: it may look up itself
	if err != nil {
		return nil, err
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for _, t := range targets {
		var resp kmsg.Response
		if resp, err = c.ask(ctx, t, c.share(targets), req); err == nil || ctx.Err() != nil {
			return resp, err
		}
	}
	return nil, err
}

func (c *Cluster) ask(ctx context.Context, t target, limit time.Duration, req kmsg.Request) (kmsg.Response, error) {
	for {
		l, kept := c.take(t.id)
		if !kept {
			var err error
			if l, err = c.connect(ctx, t, limit); err != nil {
				return nil, err
			}
		}
		resp, err := l.Request(ctx, req)
		if err == nil {
			c.keep(t.id, l)
			return resp, nil
		}
		_ = l.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !kept {
			return nil, c.unanswered(t.id, req, err)
		}
	}
}

// unanswered makes the error of a request without an answer, or with one that
// is none.
func (c *Cluster) unanswered(broker int32, req kmsg.Request, cause error) error {
	switch fault.KindOf(cause) {
	case fault.Malformed, fault.Exhausted:
		return c.disbelieve(broker, req.Key(), cause)
	}
	return fault.New(fault.Unavailable, "cluster %q hung up on a request", c.cfg.Name).Because(cause)
}

// take gives a kept connection that is still good, as far as is known.
func (c *Cluster) take(broker int32) (lookup, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for n := len(c.idle[broker]); n > 0; n-- {
		l := c.idle[broker][n-1]
		c.idle[broker] = c.idle[broker][:n-1]
		if now.Sub(l.since) < longestIdle && (l.until.IsZero() || now.Before(l.until)) {
			return l, true
		}
		_ = l.Close()
	}
	return lookup{}, false
}

func (c *Cluster) keep(broker int32, l lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.idle[broker]) >= mostIdle {
		_ = l.Close()
		return
	}
	l.since = time.Now()
	c.idle[broker] = append(c.idle[broker], l)
}
