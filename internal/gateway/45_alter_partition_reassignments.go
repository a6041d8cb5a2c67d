package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// AlterPartitionReassignments (KIP-455) needs Alter on the cluster
// (ControllerApis.handleAlterPartitionReassignments). The topics of klamm and of
// Kafka itself stay where they are.
//
//   - v1 (KIP-860): whether the number of replicas may change.
func alterPartitionReassignments(c *call, q *kmsg.AlterPartitionAssignmentsRequest) {
	if !c.must(do(iam.Alter, iam.ClusterResource())) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.AlterPartitionAssignmentsRequestTopic) *refusal {
		return c.notOurs(do(iam.Alter, topic(t.Topic)))
	})
}
