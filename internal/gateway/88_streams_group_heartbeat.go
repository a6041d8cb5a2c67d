package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// StreamsGroupHeartbeat (KIP-1071) needs Read on the group and Describe on each
// topic of the topology; one refused topic refuses all
// (KafkaApis.handleStreamsGroupHeartbeat). The broker creates the internal topics
// that are missing, with klamm's rights: for those the client needs Create on the
// topic or on the cluster. Kafka would go on without them and say so in the status;
// here the topology is refused, for once the broker has it, it creates.
//
//   - Patterns of source topics would be resolved with klamm's rights. Kafka 4.3
//     refuses them too.
func streamsGroupHeartbeat(c *call, q *kmsg.StreamsGroupHeartbeatRequest) {
	if !c.must(do(iam.Read, group(q.Group))) || q.Topology == nil {
		return
	}
	var internal []string
	for _, t := range q.Topology.Subtopologies {
		if len(t.SourceTopicRegex) > 0 {
			c.whole = &refusal{code: streamsInvalidTopology, words: "source topics by regular expression are not supported, name each"}
			return
		}
		made := append(topicsOf(t.RepartitionSourceTopics), topicsOf(t.StateChangelogTopics)...)
		if !c.mustDescribe(t.SourceTopics) || !c.mustDescribe(t.RepartitionSinkTopics) || !c.mustDescribe(made) {
			return
		}
		internal = append(internal, made...)
	}
	c.mustCreate(internal)
}

func topicsOf(list []kmsg.TopicInfo) (names []string) {
	for _, t := range list {
		names = append(names, t.Topic)
	}
	return names
}

// mustCreate asks for the right to create those of the topics that are missing.
func (c *call) mustCreate(names []string) {
	s := c.session
	if s.visible(iam.Create, iam.ClusterResource()) {
		return
	}
	names = shown(names, func(name *string) bool { return !s.visible(iam.Create, topic(*name)) })
	found, err := s.lookUp(c, names, false)
	if err != nil {
		c.err = err
		return
	}
	for _, t := range found {
		if t.ErrorCode == unknownTopic && t.Topic != nil && c.whole == nil {
			c.whole = c.create(*t.Topic)
		}
	}
}
