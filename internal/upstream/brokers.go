package upstream

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// Brokers lists the brokers by id, none before the cluster was reached.
func (c *Cluster) Brokers() []Broker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return sorted(c.brokers)
}

func sorted(brokers map[int32]Broker) []Broker {
	return slices.SortedFunc(maps.Values(brokers), func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
}

// Refresh asks the cluster for its brokers. Callers that come while it is
// asked share the answer. The error is Unavailable.
func (c *Cluster) Refresh(ctx context.Context) error {
	_, err := once(ctx, c, "brokers", func(ctx context.Context) (struct{}, error) { return struct{}{}, c.refresh(ctx) })
	return err
}

func (c *Cluster) refresh(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 4 // the first that does not create topics; every broker since 0.11 has it
	req.Topics = []kmsg.MetadataRequestTopic{}
	answer, err := c.Request(ctx, Any, req)
	if err != nil {
		return err
	}
	resp := answer.(*kmsg.MetadataResponse)
	found, err := brokersOf(resp)
	if err != nil {
		return c.disbelieve(Any, req.Key(), err)
	}
	id := ""
	if resp.ClusterID != nil {
		id = *resp.ClusterID
	}
	changed, err := c.replace(id, found)
	if err == nil && changed && c.cfg.Changed != nil {
		c.cfg.Changed(sorted(found))
	}
	return err
}

// replace puts the brokers in force. What is known of one that moved is forgotten.
func (c *Cluster) replace(id string, found map[int32]Broker) (changed bool, err error) {
	if len(found) == 0 {
		return false, fault.New(fault.Unavailable, "cluster %q lists no broker yet", c.cfg.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id != "" && id != c.id {
		return false, fault.New(fault.Unavailable, "a broker of cluster id %q answered, expected %q", id, c.id).
			At("bootstrap").Mend("let all bootstrap addresses of %s name the same cluster", c.cfg.Name)
	}
	if maps.Equal(found, c.brokers) {
		return false, nil
	}
	for node, b := range c.brokers {
		if found[node] != b {
			delete(c.down, node)
			delete(c.slow, node)
			delete(c.versions, node)
			for _, l := range c.idle[node] {
				_ = l.Close()
			}
			delete(c.idle, node)
		}
	}
	delete(c.versions, Any)
	c.id, c.brokers = id, found
	return true, nil
}

// Live tells at once, from what is known, whether a client of this broker's
// address could be served; nil is yes. What is unknown or down is looked at
// again in the background, at most once a second, so that asking often is
// harmless. The error is Unavailable.
func (c *Cluster) Live(broker int32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.brokers == nil {
		c.probe(Any)
		return fault.New(fault.Unavailable, "cluster %q was not reached yet", c.cfg.Name)
	}
	if broker == Any {
		for node := range c.brokers {
			if c.down[node] == nil {
				return nil
			}
		}
		for node := range c.brokers {
			c.probe(node)
		}
		return fault.New(fault.Unavailable, "no broker of cluster %q can be reached", c.cfg.Name)
	}
	if _, known := c.brokers[broker]; !known {
		c.probe(Any)
		return c.unknown(broker)
	}
	if err := c.down[broker]; err != nil {
		c.probe(broker)
		return err
	}
	return nil
}

func (c *Cluster) unknown(broker int32) error {
	return fault.New(fault.Unavailable, "cluster %q has no broker %d at the moment", c.cfg.Name, broker)
}

// probe looks in the background, at most once a second, whether a broker can
// be reached again; for Any it looks at the list of brokers. c.mu is held.
func (c *Cluster) probe(broker int32) {
	now := time.Now()
	if last, ok := c.probed[broker]; c.closed || ok && now.Sub(last) < time.Second {
		return
	}
	c.probed[broker] = now
	c.work.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Timeout)
		defer cancel()
		if broker == Any {
			_ = c.Refresh(ctx)
			return
		}
		if link, err := c.Dial(ctx, broker); err == nil {
			_ = link.Close()
		}
	})
}

// reached keeps what connecting to a broker has shown. One that was only given a
// share of the timeout is tried after the others from then on; it is down when
// nothing has reached it for all of the timeout, for clients would wait as long.
func (c *Cluster) reached(broker int32, err error, slow bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.brokers[broker]; !known {
		return
	}
	if err == nil {
		delete(c.down, broker)
		delete(c.slow, broker)
		return
	}
	if slow {
		since, again := c.slow[broker]
		if !again {
			since = time.Now()
			c.slow[broker] = since
		}
		if time.Since(since) < c.cfg.Timeout {
			return
		}
	}
	c.down[broker] = err
	delete(c.versions, broker) // it may come back as a newer one
	delete(c.versions, Any)
}
