package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ConsumerGroupHeartbeat (KIP-848) needs Read on the group and Describe on each
// topic that it names; one refused topic refuses all
// (KafkaApis.handleConsumerGroupHeartbeat).
//
//   - v1: a regular expression, which the broker resolves under klamm's rights:
//     its members would get partitions that they may not read. It is sent on only
//     for who may describe all topics.
func consumerGroupHeartbeat(c *call, q *kmsg.ConsumerGroupHeartbeatRequest) {
	if !c.must(do(iam.Read, group(q.Group))) {
		return
	}
	for _, name := range q.SubscribedTopicNames {
		if !c.must(do(iam.Describe, topic(name))) {
			return
		}
	}
	if q.SubscribedTopicRegex != nil && *q.SubscribedTopicRegex != "" {
		c.must(do(iam.Describe, topic(allTopics)))
	}
}

// allTopics is no topic's name: only a pattern for all of them covers it.
const allTopics = "*"
