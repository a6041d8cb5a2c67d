package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeCluster needs nothing: every client knows the brokers from Metadata
// (KafkaApis.handleDescribeCluster).
//
//   - v1 (KIP-919): endpoint type 2 asks for controllers and is refused.
func describeCluster(c *call, q *kmsg.DescribeClusterRequest) {
	c.free("Metadata says the same")
	if q.EndpointType != 1 {
		c.whole = &refusal{code: unsupportedEndpoint, words: "only brokers can be described"}
		return
	}
	asked, s := q.IncludeClusterAuthorizedOperations, c.session
	q.IncludeClusterAuthorizedOperations = false
	edit(c, func(r *kmsg.DescribeClusterResponse) {
		r.ClusterID = s.target.name
		r.ClusterAuthorizedOperations = s.clusterOperations(asked)
	})
}
