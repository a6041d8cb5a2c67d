package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ListConfigResources needs DescribeConfigs on the cluster
// (KafkaApis.handleListConfigResources). klamm's own topics and groups are left
// out.
//
//   - v0 (KIP-714): client metrics only, as ListClientMetricsResources. v1
//     (KIP-1142): any type, all of them when none is named.
func listConfigResources(c *call, _ *kmsg.ListConfigResourcesRequest) {
	if !c.must(do(iam.DescribeConfigs, iam.ClusterResource())) {
		return
	}
	edit(c, func(r *kmsg.ListConfigResourcesResponse) {
		r.ConfigResources = shown(r.ConfigResources, func(res *kmsg.ListConfigResourcesResponseConfigResource) bool {
			return !topic(res.Name).Reserved() && !group(res.Name).Reserved()
		})
	})
}
