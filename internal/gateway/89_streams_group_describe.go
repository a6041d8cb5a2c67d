package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// StreamsGroupDescribe (KIP-1071) needs Describe on each group. A group with a topic
// that may not be described is blanked as a whole
// (KafkaApis.handleStreamsGroupDescribe).
func streamsGroupDescribe(c *call, q *kmsg.StreamsGroupDescribeRequest) {
	asked, s := q.IncludeAuthorizedOperations, c.session
	q.IncludeAuthorizedOperations = false
	edit(c, func(r *kmsg.StreamsGroupDescribeResponse) {
		for i := range r.Groups {
			g := &r.Groups[i]
			g.AuthorizedOperations = s.groupOperations(asked, g.Group)
			if g.Topology != nil && slices.ContainsFunc(g.Topology.Subtopologies, s.subtopologyHidden) {
				g.ErrorCode, g.ErrorMessage = topicDenied, kmsg.StringPtr(hiddenTopics)
				g.Topology, g.Members = nil, nil
			}
		}
	})
	q.Groups = keep(c, q.Groups, "Groups", func(name *string) *refusal { return c.one(do(iam.Describe, group(*name))) })
}

// subtopologyHidden reports whether a subtopology has a topic that may not be
// described.
func (s *session) subtopologyHidden(t kmsg.StreamsGroupDescribeResponseGroupTopologySubtopology) bool {
	for _, names := range [][]string{t.SourceTopics, t.RepartitionSinkTopics, topicsOf(t.StateChangelogTopics), topicsOf(t.RepartitionSourceTopics)} {
		if slices.ContainsFunc(names, func(name string) bool { return !s.describable(&name) }) {
			return true
		}
	}
	return false
}
