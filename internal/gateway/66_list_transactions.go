package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ListTransactions (KIP-664) needs nothing and is never an error: it shows the
// transactional ids that may be described
// (KafkaApis.handleListTransactionsRequest).
//
//   - v1 (KIP-994): for how long they run. v2 (KIP-1152): a regular expression,
//     which the broker applies to names that are filtered afterwards.
func listTransactions(c *call, _ *kmsg.ListTransactionsRequest) {
	c.free("the answer is filtered")
	s := c.session
	edit(c, func(r *kmsg.ListTransactionsResponse) {
		r.TransactionStates = shown(r.TransactionStates, func(t *kmsg.ListTransactionsResponseTransactionState) bool {
			return s.visible(iam.Describe, transactionalID(t.TransactionalID))
		})
	})
}
