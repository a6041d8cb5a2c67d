package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeProducers (KIP-664) needs Read on each topic
// (KafkaApis.handleDescribeProducersRequest).
func describeProducers(c *call, q *kmsg.DescribeProducersRequest) {
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DescribeProducersRequestTopic) *refusal {
		return c.one(do(iam.Read, topic(t.Topic)))
	})
}
