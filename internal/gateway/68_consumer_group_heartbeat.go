package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ConsumerGroupHeartbeat (KIP-848) needs Read on the group and Describe on each
// topic that it names; one refused topic refuses all
// (KafkaApis.handleConsumerGroupHeartbeat).
//
//   - v1: a regular expression, which stands for those of its topics that may be
//     described. It is matched here, see subscription.
func consumerGroupHeartbeat(c *call, q *kmsg.ConsumerGroupHeartbeatRequest) {
	if c.must(do(iam.Read, group(q.Group))) && c.mustDescribe(q.SubscribedTopicNames) && q.Version >= 1 {
		c.subscribe(q)
	}
}
