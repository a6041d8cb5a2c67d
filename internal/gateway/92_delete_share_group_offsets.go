package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DeleteShareGroupOffsets (KIP-932) needs Delete on the group and Read on each topic
// (KafkaApis.handleDeleteShareGroupOffsetsRequest).
func deleteShareGroupOffsets(c *call, q *kmsg.DeleteShareGroupOffsetsRequest) {
	if !c.must(do(iam.Delete, group(q.GroupID))) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DeleteShareGroupOffsetsRequestTopic) *refusal {
		return c.one(do(iam.Read, topic(t.Topic)))
	})
}
