package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// TxnOffsetCommit needs Write on the transactional id, Read on the group and
// Read on each topic (KafkaApis.handleTxnOffsetCommitRequest).
//
//   - v5 (KIP-890): it adds the group to the transaction by itself, and needs
//     what AddOffsetsToTxn does, which is asked in every version.
func txnOffsetCommit(c *call, q *kmsg.TxnOffsetCommitRequest) {
	if !c.must(do(iam.Write, transactionalID(q.TransactionalID))) || !c.must(do(iam.Read, group(q.Group))) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.TxnOffsetCommitRequestTopic) *refusal {
		return c.one(do(iam.Read, topic(t.Topic)))
	})
}
