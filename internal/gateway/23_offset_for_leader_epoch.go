package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// OffsetForLeaderEpoch needs Describe on each topic
// (KafkaApis.handleOffsetForLeaderEpochRequest).
//
//   - v0-v1 were for brokers. v2 (KIP-320) is the one that librdkafka speaks. From
//     v3 on there is a replica id, as in ListOffsets.
func offsetForLeaderEpoch(c *call, q *kmsg.OffsetForLeaderEpochRequest) {
	if !c.consumer(q.ReplicaID) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.OffsetForLeaderEpochRequestTopic) *refusal {
		return c.one(do(iam.Describe, topic(t.Topic)))
	})
}
