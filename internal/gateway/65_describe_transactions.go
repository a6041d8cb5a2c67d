package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeTransactions (KIP-664) needs Describe on each transactional id; of the
// topics in a transaction it shows those that may be described
// (KafkaApis.handleDescribeTransactionsRequest).
func describeTransactions(c *call, q *kmsg.DescribeTransactionsRequest) {
	s := c.session
	edit(c, func(r *kmsg.DescribeTransactionsResponse) {
		for i := range r.TransactionStates {
			t := &r.TransactionStates[i]
			t.Topics = shown(t.Topics, func(t *kmsg.DescribeTransactionsResponseTransactionStateTopic) bool { return s.describable(&t.Topic) })
		}
	})
	q.TransactionalIDs = keep(c, q.TransactionalIDs, "TransactionStates", func(id *string) *refusal {
		return c.one(do(iam.Describe, transactionalID(*id)))
	})
}
