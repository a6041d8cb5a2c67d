package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
)

// Dial connects to a broker, or to any that answers, and logs in. A broker
// that is not known is looked for once. Where there is one to try it has the
// whole timeout, as Kafka's own clients give it: a busy broker may need seconds
// for a login, and to give up early is to come again. The error is Unavailable,
// or ctx's.
func (c *Cluster) Dial(ctx context.Context, broker int32) (*kafka.Link, error) {
	targets, err := c.targets(ctx, broker)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		var l lookup
		if l, err = c.connect(ctx, t, c.share(targets)); err == nil {
			return l.Link, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return nil, err
}

// share is how long one of the targets may take, so that others have their turn.
func (c *Cluster) share(targets []target) time.Duration {
	return c.cfg.Timeout / time.Duration(min(len(targets), 3))
}

// target is where a connection may go; the id is Any for a bootstrap address.
type target struct {
	id      int32
	address string
}

// targets lists where to try for a broker, at least one. Bootstrap addresses
// are tried after the known brokers: those may all have moved.
func (c *Cluster) targets(ctx context.Context, broker int32) ([]target, error) {
	if broker != Any {
		b, known := c.broker(broker)
		if !known {
			if err := c.Refresh(ctx); err != nil {
				return nil, err
			}
			if b, known = c.broker(broker); !known {
				return nil, c.unknown(broker)
			}
		}
		return []target{{b.ID, b.Address}}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var live, rest []target
	for _, b := range sorted(c.brokers) {
		t := target{b.ID, b.Address}
		if c.down[b.ID] == nil && c.slow[b.ID].IsZero() {
			live = append(live, t)
		} else {
			rest = append(rest, t)
		}
	}
	c.turn++
	var seeds []target
	for _, a := range c.cfg.Bootstrap {
		seeds = append(seeds, target{Any, a})
	}
	return slices.Concat(rotated(live, c.turn), rest, rotated(seeds, c.turn)), nil
}

// rotated begins at another place at each turn.
func rotated(t []target, turn int) []target {
	if len(t) == 0 {
		return nil
	}
	return slices.Concat(t[turn%len(t):], t[:turn%len(t)])
}

func (c *Cluster) broker(id int32) (Broker, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.brokers[id]
	return b, ok
}

// connect opens a logged-in connection within limit and remembers whether it
// went well.
func (c *Cluster) connect(ctx context.Context, t target, limit time.Duration) (lookup, error) {
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	l, err := c.open(timed, t)
	if err == nil {
		c.reached(t.id, nil, false)
		return l, nil
	}
	if ctx.Err() != nil {
		return lookup{}, ctx.Err() // the caller gave up: that says nothing about the broker
	}
	f := fault.New(fault.Unavailable, "broker %d of cluster %q cannot be reached", t.id, c.cfg.Name).Because(err)
	if t.id == Any {
		f = fault.New(fault.Unavailable, "cluster %q cannot be reached", c.cfg.Name).At("bootstrap").Because(err)
	}
	f.Hint = fault.HintOf(err)
	c.reached(t.id, f, timed.Err() != nil && limit < c.cfg.Timeout)
	return lookup{}, f
}

// open dials, does TLS and logs in.
func (c *Cluster) open(ctx context.Context, t target) (lookup, error) {
	nc, err := c.cfg.Dial(ctx, "tcp", t.address)
	if err != nil {
		return lookup{}, err
	}
	nc = departing{nc, func() { c.left(t.id) }}
	if c.cfg.TLS != nil {
		if nc, err = c.secure(ctx, nc, t.address); err != nil {
			return lookup{}, err
		}
	}
	link := kafka.NewLink(nc, t.id)
	link.Decode = api.ReadAnswer
	lifetime, err := c.cfg.Login.in(ctx, link)
	if err != nil {
		_ = link.Close()
		return lookup{}, err
	}
	l := lookup{Link: link}
	if lifetime > 0 {
		l.until = time.Now().Add(lifetime * 8 / 10)
	}
	return l, nil
}

func (c *Cluster) secure(ctx context.Context, nc net.Conn, address string) (net.Conn, error) {
	cfg := c.cfg.TLS
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName, _, _ = net.SplitHostPort(address)
	}
	t := tls.Client(nc, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, fault.New(fault.Unavailable, "TLS with %s failed", address).Because(err).
			Mend("check tls.ca of the cluster against the broker's certificate")
	}
	return t, nil
}
