package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// OffsetCommit needs Read on the group, then Read on each topic
// (KafkaApis.handleOffsetCommitRequest).
//
//   - v2-v4: a retention time. v10: topics by id.
func offsetCommit(c *call, q *kmsg.OffsetCommitRequest) {
	if !c.must(do(iam.Read, group(q.Group))) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.OffsetCommitRequestTopic) *refusal {
		return c.topic(iam.Read, q.Version >= 10, t.Topic, t.TopicID)
	})
}
