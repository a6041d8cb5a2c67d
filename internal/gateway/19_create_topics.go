package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// CreateTopics needs Create on the topic or on the cluster
// (ControllerApis.createTopics).
//
//   - v5 (KIP-525): the answer has the topic's configuration, for who has
//     DescribeConfigs on it.
func createTopics(c *call, q *kmsg.CreateTopicsRequest) {
	s := c.session
	edit(c, func(r *kmsg.CreateTopicsResponse) {
		for i := range r.Topics {
			if t := &r.Topics[i]; t.ErrorCode == 0 && !s.visible(iam.DescribeConfigs, topic(t.Topic)) {
				t.ConfigErrorCode, t.NumPartitions, t.ReplicationFactor, t.Configs = topicDenied, -1, -1, []kmsg.CreateTopicsResponseTopicConfig{}
			}
		}
	})
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.CreateTopicsRequestTopic) *refusal {
		return c.create(t.Topic)
	})
}

// create decides about a new topic. The right to create on the cluster is as
// good as the one on the topic, except for klamm's own, which nobody has.
func (c *call) create(name string) *refusal {
	if on := topic(name); on.Reserved() || on.Internal() {
		return c.one(do(iam.Create, on))
	}
	return c.may(do(iam.Create, topic(name)), do(iam.Create, iam.ClusterResource()))
}
