package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ConsumerGroupDescribe (KIP-848) needs Describe on each group. A group with a
// topic that may not be described is blanked as a whole
// (KafkaApis.handleConsumerGroupDescribe). Regular expressions are shown as their
// members gave them.
func consumerGroupDescribe(c *call, q *kmsg.ConsumerGroupDescribeRequest) {
	asked, s := q.IncludeAuthorizedOperations, c.session
	q.IncludeAuthorizedOperations = false
	edit(c, func(r *kmsg.ConsumerGroupDescribeResponse) {
		for i := range r.Groups {
			g := &r.Groups[i]
			g.AuthorizedOperations = s.groupOperations(asked, g.Group)
			for j := range g.Members {
				subscribedAs(&g.Members[j])
			}
			if !s.groupShown(g) {
				g.ErrorCode, g.ErrorMessage = topicDenied, kmsg.StringPtr(hiddenTopics)
				g.Members = nil
			}
		}
	})
	q.Groups = keep(c, q.Groups, "Groups", func(name *string) *refusal { return c.one(do(iam.Describe, group(*name))) })
}

// hiddenTopics is Kafka's own sentence.
const hiddenTopics = "The group has described topic(s) that the client is not authorized to describe."

func (s *session) groupShown(g *kmsg.ConsumerGroupDescribeResponseGroup) bool {
	for _, m := range g.Members {
		for i := range m.SubscribedTopics {
			if !s.describable(&m.SubscribedTopics[i]) {
				return false
			}
		}
		for _, a := range [][]kmsg.AssignmentTopicPartition{m.Assignment.TopicPartitions, m.TargetAssignment.TopicPartitions} {
			for _, t := range a {
				if !s.visible(iam.Describe, topic(t.Topic)) {
					return false
				}
			}
		}
	}
	return true
}
