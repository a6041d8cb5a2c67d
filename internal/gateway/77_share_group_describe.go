package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ShareGroupDescribe (KIP-932) needs Describe on each group. A group with an
// assigned topic that may not be described is blanked as a whole
// (KafkaApis.handleShareGroupDescribe); the names of such topics in subscriptions,
// which Kafka shows, are left out.
func shareGroupDescribe(c *call, q *kmsg.ShareGroupDescribeRequest) {
	asked, s := q.IncludeAuthorizedOperations, c.session
	q.IncludeAuthorizedOperations = false
	edit(c, func(r *kmsg.ShareGroupDescribeResponse) {
		for i := range r.Groups {
			g := &r.Groups[i]
			g.AuthorizedOperations = s.groupOperations(asked, g.GroupID)
			if slices.ContainsFunc(g.Members, s.assignedHidden) {
				g.ErrorCode, g.ErrorMessage, g.Members = topicDenied, kmsg.StringPtr(hiddenTopics), nil
			}
			for j := range g.Members {
				m := &g.Members[j]
				m.SubscribedTopicNames = shown(m.SubscribedTopicNames, s.describable)
			}
		}
	})
	q.GroupIDs = keep(c, q.GroupIDs, "Groups", func(name *string) *refusal { return c.one(do(iam.Describe, group(*name))) })
}

// assignedHidden reports whether a member has a topic that may not be described.
func (s *session) assignedHidden(m kmsg.ShareGroupDescribeResponseGroupMember) bool {
	return slices.ContainsFunc(m.Assignment.TopicPartitions, func(t kmsg.ShareGroupDescribeResponseGroupMemberAssignmentTopicPartition) bool {
		return !s.describable(&t.Topic)
	})
}
