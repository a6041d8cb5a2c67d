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
				t.ConfigErrorCode, t.NumPartitions, t.ReplicationFactor, t.Configs = topicDenied, -1, -1, nil
			}
		}
	})
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.CreateTopicsRequestTopic) *refusal {
		return c.may(do(iam.Create, topic(t.Topic)), do(iam.Create, iam.ClusterResource()))
	})
}
