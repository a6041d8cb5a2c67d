package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// EndTxn needs Write on the transactional id (KafkaApis.handleEndTxnRequest).
//
//   - v5 (KIP-890): the answer has the producer's next epoch.
func endTxn(c *call, q *kmsg.EndTxnRequest) {
	c.must(do(iam.Write, transactionalID(q.TransactionalID)))
}
