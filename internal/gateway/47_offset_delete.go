package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// OffsetDelete (KIP-496) needs Delete on the group and Read on each topic
// (KafkaApis.handleOffsetDeleteRequest).
func offsetDelete(c *call, q *kmsg.OffsetDeleteRequest) {
	if !c.must(do(iam.Delete, group(q.Group))) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.OffsetDeleteRequestTopic) *refusal {
		return c.one(do(iam.Read, topic(t.Topic)))
	})
}
