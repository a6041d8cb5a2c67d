package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// AddPartitionsToTxn needs Write on the transactional id and on each topic. One
// refused topic refuses all: the others are OPERATION_NOT_ATTEMPTED and nothing
// is sent (KafkaApis.handleAddPartitionsToTxnRequest).
//
//   - v4 on (KIP-890) is for brokers and not served.
func addPartitionsToTxn(c *call, q *kmsg.AddPartitionsToTxnRequest) {
	if !c.must(do(iam.Write, transactionalID(q.TransactionalID))) {
		return
	}
	all := append([]kmsg.AddPartitionsToTxnRequestTopic(nil), q.Topics...)
	codes := make([]int16, len(all))
	denied := false
	for i, t := range all {
		if no := c.one(do(iam.Write, topic(t.Topic))); no != nil {
			codes[i], denied = no.code, true
		}
	}
	if !denied {
		return
	}
	resp := kmsg.NewPtrAddPartitionsToTxnResponse()
	for i := range all {
		if codes[i] == 0 {
			codes[i] = notAttempted
		}
		addError(resp, "Topics", &all[i], refusal{code: codes[i]})
	}
	c.reply = resp
}
