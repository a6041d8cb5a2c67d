package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DeleteRecords needs Delete on each topic (KafkaApis.handleDeleteRecordsRequest).
func deleteRecords(c *call, q *kmsg.DeleteRecordsRequest) {
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DeleteRecordsRequestTopic) *refusal {
		return c.one(do(iam.Delete, topic(t.Topic)))
	})
}
