package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeQuorum (KIP-595) needs Describe on the cluster
// (ControllerApis.handleDescribeQuorum).
//
//   - v2 (KIP-853): the answer has the addresses of controllers. Their numbers are
//     left, which tools look up, without an address.
func describeQuorum(c *call, q *kmsg.DescribeQuorumRequest) {
	if !c.must(do(iam.Describe, iam.ClusterResource())) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DescribeQuorumRequestTopic) *refusal {
		return c.notOurs(do(iam.Describe, topic(t.Topic)))
	})
}
