package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// CreatePartitions needs Alter on each topic (ControllerApis.createPartitions).
func createPartitions(c *call, q *kmsg.CreatePartitionsRequest) {
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.CreatePartitionsRequestTopic) *refusal {
		return c.one(do(iam.Alter, topic(t.Topic)))
	})
}
