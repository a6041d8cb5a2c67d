package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// OffsetForLeaderEpoch needs Describe on each topic
// (KafkaApis.handleOffsetForLeaderEpochRequest).
//
//   - Before v3 it was for brokers. From v3 on (KIP-320) there is a replica id,
//     as in ListOffsets.
func offsetForLeaderEpoch(c *call, q *kmsg.OffsetForLeaderEpochRequest) {
	if !c.consumer(q.ReplicaID) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.OffsetForLeaderEpochRequestTopic) *refusal {
		return c.one(do(iam.Describe, topic(t.Topic)))
	})
}
