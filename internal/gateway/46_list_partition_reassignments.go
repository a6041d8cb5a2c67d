package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ListPartitionReassignments (KIP-455) needs Describe on the cluster
// (ControllerApis.handleListPartitionReassignments). klamm's own topics are left
// out.
//
//   - Null topics mean all. The answer has no place for a topic's error.
func listPartitionReassignments(c *call, q *kmsg.ListPartitionReassignmentsRequest) {
	if !c.must(do(iam.Describe, iam.ClusterResource())) {
		return
	}
	q.Topics = keep(c, q.Topics, unanswered, func(t *kmsg.ListPartitionReassignmentsRequestTopic) *refusal {
		return c.notOurs(do(iam.Describe, topic(t.Topic)))
	})
	edit(c, func(r *kmsg.ListPartitionReassignmentsResponse) {
		r.Topics = shown(r.Topics, func(t *kmsg.ListPartitionReassignmentsResponseTopic) bool { return !topic(t.Topic).Reserved() })
	})
}
