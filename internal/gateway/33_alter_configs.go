package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// AlterConfigs needs AlterConfigs on the topic or the group
// (ControllerApis.handleLegacyAlterConfigs). Brokers, their loggers and client
// metrics are never altered through klamm, whatever the role.
func alterConfigs(c *call, q *kmsg.AlterConfigsRequest) {
	q.Resources = keep(c, q.Resources, "Resources", func(r *kmsg.AlterConfigsRequestResource) *refusal {
		return c.alter(r.ResourceType, r.ResourceName)
	})
}

func (c *call) alter(kind kmsg.ConfigResourceType, name string) *refusal {
	if kind == kmsg.ConfigResourceTypeTopic || kind == kmsg.ConfigResourceTypeGroupConfig {
		return c.config(iam.AlterConfigs, kind, name)
	}
	return c.never(iam.AlterConfigs, "a change to the configuration of a "+kind.String(), "a topic or a group", "change the configuration of brokers on the cluster behind")
}
