package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// InitProducerId needs Write on the transactional id; without one it needs
// IdempotentWrite on the cluster or Write on any topic, so that a role for one
// topic is enough for producers as they are by default (KIP-679,
// KafkaApis.handleInitProducerIdRequest).
//
//   - v3 (KIP-360): the producer's id and epoch. v6, two-phase commit, is not
//     served.
func initProducerID(c *call, q *kmsg.InitProducerIDRequest) {
	if q.TransactionalID != nil {
		c.must(do(iam.Write, transactionalID(*q.TransactionalID)))
		return
	}
	c.must(do(iam.IdempotentWrite, iam.ClusterResource()), do(iam.Write, iam.Resource{Type: iam.Topic, Any: true}))
}
