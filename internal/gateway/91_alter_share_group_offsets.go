package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// AlterShareGroupOffsets (KIP-932) needs Read on the group and on each topic
// (KafkaApis.handleAlterShareGroupOffsetsRequest).
func alterShareGroupOffsets(c *call, q *kmsg.AlterShareGroupOffsetsRequest) {
	if !c.must(do(iam.Read, group(q.GroupID))) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.AlterShareGroupOffsetsRequestTopic) *refusal {
		return c.one(do(iam.Read, topic(t.Topic)))
	})
}
