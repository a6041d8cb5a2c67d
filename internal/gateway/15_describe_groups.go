package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeGroups needs Describe on each group (KafkaApis.handleDescribeGroupsRequest).
//
//   - v3: the client's own operations (KIP-430), from its roles. v6 (KIP-1043):
//     words.
//   - The host of a member is klamm's, so that it is hidden.
func describeGroups(c *call, q *kmsg.DescribeGroupsRequest) {
	asked, s := q.IncludeAuthorizedOperations, c.session
	q.IncludeAuthorizedOperations = false
	edit(c, func(r *kmsg.DescribeGroupsResponse) {
		for i := range r.Groups {
			r.Groups[i].AuthorizedOperations = s.groupOperations(asked, r.Groups[i].Group)
		}
	})
	q.Groups = keep(c, q.Groups, "Groups", func(name *string) *refusal { return c.one(do(iam.Describe, group(*name))) })
}

func (s *session) groupOperations(asked bool, name string) int32 {
	if !asked {
		return notAsked
	}
	return s.operations(group(name), groupOperations)
}
