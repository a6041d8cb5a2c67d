package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// AddOffsetsToTxn needs Write on the transactional id and Read on the group
// (KafkaApis.handleAddOffsetsToTxnRequest).
func addOffsetsToTxn(c *call, q *kmsg.AddOffsetsToTxnRequest) {
	_ = c.must(do(iam.Write, transactionalID(q.TransactionalID))) && c.must(do(iam.Read, group(q.Group)))
}
