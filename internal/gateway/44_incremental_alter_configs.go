package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// IncrementalAlterConfigs (KIP-339) needs what AlterConfigs does
// (ControllerApis.handleIncrementalAlterConfigs).
//
//   - Of a broker the limits of replication may be altered, with AlterConfigs on the
//     cluster: kafka-reassign-partitions sets them when it moves partitions, which is
//     served, and takes them away at the end.
func incrementalAlterConfigs(c *call, q *kmsg.IncrementalAlterConfigsRequest) {
	q.Resources = keep(c, q.Resources, "Resources", func(r *kmsg.IncrementalAlterConfigsRequestResource) *refusal {
		if r.ResourceType == kmsg.ConfigResourceTypeBroker && len(r.Configs) > 0 && !slices.ContainsFunc(r.Configs, beyondReassignment) {
			return c.one(do(iam.AlterConfigs, iam.ClusterResource()))
		}
		return c.alter(r.ResourceType, r.ResourceName)
	})
}

// beyondReassignment reports whether a configuration is none of the limits that
// belong to a reassignment of partitions (KIP-73, KIP-113).
func beyondReassignment(c kmsg.IncrementalAlterConfigsRequestResourceConfig) bool {
	return !slices.Contains([]string{"leader.replication.throttled.rate", "follower.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second"}, c.Name)
}
