package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// IncrementalAlterConfigs (KIP-339) needs what AlterConfigs does
// (ControllerApis.handleIncrementalAlterConfigs).
func incrementalAlterConfigs(c *call, q *kmsg.IncrementalAlterConfigsRequest) {
	q.Resources = keep(c, q.Resources, "Resources", func(r *kmsg.IncrementalAlterConfigsRequestResource) *refusal {
		return c.alter(r.ResourceType, r.ResourceName)
	})
}
