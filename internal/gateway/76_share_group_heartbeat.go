package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ShareGroupHeartbeat (KIP-932) needs Read on the group and Describe on each topic
// that it names; one refused topic refuses all (KafkaApis.handleShareGroupHeartbeat).
//
// After a few refusals each is held back for a second: Kafka's own client asks again as
// soon as it has its answer, thousands of times in a second.
//
//   - v0 was early access, and no broker's since 4.1.
func shareGroupHeartbeat(c *call, q *kmsg.ShareGroupHeartbeatRequest) {
	if c.must(do(iam.Read, group(q.GroupID))) {
		c.mustDescribe(q.SubscribedTopicNames)
	}
}
