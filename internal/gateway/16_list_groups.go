package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ListGroups needs nothing and is never an error: with Describe on the cluster
// it shows all groups, else those that may be described
// (KafkaApis.handleListGroupsRequest). klamm's own are never shown.
//
//   - v4 (KIP-518), v5 (KIP-848): filters.
func listGroups(c *call, _ *kmsg.ListGroupsRequest) {
	c.free("the answer is filtered")
	s := c.session
	edit(c, func(r *kmsg.ListGroupsResponse) {
		all := s.visible(iam.Describe, iam.ClusterResource())
		r.Groups = shown(r.Groups, func(g *kmsg.ListGroupsResponseGroup) bool {
			on := group(g.Group)
			return !on.Reserved() && (all || s.visible(iam.Describe, on))
		})
	})
}
