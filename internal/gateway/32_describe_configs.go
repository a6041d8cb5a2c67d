package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeConfigs needs DescribeConfigs on the topic, on the group, or on the
// cluster for brokers, their loggers and client metrics
// (ConfigHelper.handleDescribeConfigsRequest). Addresses are left out of the
// configurations of brokers.
func describeConfigs(c *call, q *kmsg.DescribeConfigsRequest) {
	q.Resources = keep(c, q.Resources, "Resources", func(r *kmsg.DescribeConfigsRequestResource) *refusal {
		return c.config(iam.DescribeConfigs, r.ResourceType, r.ResourceName)
	})
}

// config decides about an operation on the configuration of a resource.
func (c *call) config(op iam.Operation, kind kmsg.ConfigResourceType, name string) *refusal {
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		return c.one(do(op, topic(name)))
	case kmsg.ConfigResourceTypeGroupConfig:
		return c.one(do(op, group(name)))
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger, kmsg.ConfigResourceTypeClientMetrics:
		return c.one(do(op, iam.ClusterResource()))
	}
	c.asked = true
	return &refusal{code: invalidRequest, words: "configurations of this type of resource are not known"}
}
