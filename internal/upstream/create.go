package upstream

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// EnsureTopics makes the topics that do not exist, with their partitions and
// the cluster's default replication, and waits until they have leaders.
func (c *Cluster) EnsureTopics(ctx context.Context, topics map[string]int32) error {
	ctx, cancel := context.WithTimeout(ctx, 3*c.cfg.Timeout)
	defer cancel()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, int32(c.cfg.Timeout/time.Millisecond)
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, topics[name], -1
		req.Topics = append(req.Topics, t)
	}
	// Only the controller creates: NOT_CONTROLLER from one broker sends the
	// request to the next.
	if err := c.Refresh(ctx); err != nil {
		return err
	}
	var last error
	for _, b := range c.Brokers() {
		resp, err := c.Request(ctx, b.ID, req)
		if err != nil {
			last = err
			continue
		}
		if last = created(resp.(*kmsg.CreateTopicsResponse)); last == nil {
			return c.awaitLeaders(ctx, req.Topics)
		}
	}
	return last
}

func created(resp *kmsg.CreateTopicsResponse) error {
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil && t.ErrorCode != kerr.TopicAlreadyExists.Code {
			return fault.New(fault.Unavailable, "topic %s cannot be made", t.Topic).Because(err)
		}
	}
	return nil
}

// awaitLeaders asks until each topic can be written to.
func (c *Cluster) awaitLeaders(ctx context.Context, topics []kmsg.CreateTopicsRequestTopic) error {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 4
	for _, t := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(t.Topic)
		req.Topics = append(req.Topics, topic)
	}
	for {
		resp, err := c.Request(ctx, Any, req)
		if err == nil && led(resp.(*kmsg.MetadataResponse)) {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "the topics have no leaders yet").Because(ctx.Err())
		}
	}
}

func led(resp *kmsg.MetadataResponse) bool {
	for _, t := range resp.Topics {
		if t.ErrorCode != 0 || len(t.Partitions) == 0 {
			return false
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return false
			}
		}
	}
	return true
}
