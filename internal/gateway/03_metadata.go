package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// Metadata needs Describe on each topic; a list of all shows only what may be
// described (KafkaApis.handleTopicMetadataRequest). A topic that is denied and
// one that is denied and does not exist look the same.
//
//   - v0: an empty list means all; v1 on: null does, and an empty list none.
//   - v0-v3 always create what is missing; v4 has a flag. The broker is never
//     asked with it for what the client may not create: what is missing and may
//     be created is created first. An older version is sent as v4.
//   - v8-v10: the client's own operations (KIP-430), from its roles.
//   - v10: topics by id. v13: an error at the top.
func metadata(c *call, q *kmsg.MetadataRequest) {
	c.free("an empty list shows brokers only")
	all := q.Topics == nil || q.Version == 0 && len(q.Topics) == 0
	create := q.AllowAutoTopicCreation || q.Version < 4
	topicOps, clusterOps := q.IncludeTopicAuthorizedOperations, q.IncludeClusterAuthorizedOperations
	q.Version = max(q.Version, 4)
	q.AllowAutoTopicCreation, q.IncludeTopicAuthorizedOperations, q.IncludeClusterAuthorizedOperations = false, false, false
	if all {
		q.Topics = nil
	} else {
		q.Topics = keep(c, q.Topics, "Topics", c.metadataTopic)
		c.cut = 0 // even without a topic the brokers are an answer
	}
	if create {
		c.createMissing(q.Topics)
	}
	s := c.session
	edit(c, func(r *kmsg.MetadataResponse) {
		if all {
			r.Topics = shown(r.Topics, func(t *kmsg.MetadataResponseTopic) bool { return s.describable(t.Topic) })
		}
		for i := range r.Topics {
			t := &r.Topics[i]
			t.AuthorizedOperations = notAsked
			if topicOps && s.describable(t.Topic) {
				t.AuthorizedOperations = s.operations(topic(*t.Topic), topicOperations)
			}
		}
		r.AuthorizedOperations = s.clusterOperations(clusterOps)
		r.ClusterID = &s.target.name
	})
}

func (c *call) metadataTopic(t *kmsg.MetadataRequestTopic) *refusal {
	byID := t.TopicID != [16]byte{}
	if byID == (t.Topic != nil) { // both or neither: which one counts would be the broker's choice
		return &refusal{code: invalidRequest}
	}
	if byID {
		return c.topicByID(iam.Describe, t.TopicID)
	}
	return c.one(do(iam.Describe, topic(*t.Topic)))
}

// unknownTopic is what a broker says of a topic that it does not create.
const unknownTopic = 3

// createMissing makes those of the topics that are missing and may be created. What
// goes wrong here shows in the answer to the client's own request.
func (c *call) createMissing(topics []kmsg.MetadataRequestTopic) {
	s := c.session
	anything := s.visible(iam.Create, iam.ClusterResource())
	var names []string
	for _, t := range topics {
		if t.Topic != nil && (anything || s.visible(iam.Create, topic(*t.Topic))) {
			names = append(names, *t.Topic)
		}
	}
	found, err := s.lookUp(c, names, false)
	if err != nil {
		return
	}
	names = names[:0]
	for _, t := range found {
		if t.ErrorCode == unknownTopic && t.Topic != nil && c.create(*t.Topic) == nil {
			names = append(names, *t.Topic)
		}
	}
	_, _ = s.lookUp(c, names, true)
}

// lookUp asks for topics on klamm's own connection; no names are no topics.
func (s *session) lookUp(c *call, names []string, create bool) ([]kmsg.MetadataResponseTopic, error) {
	if len(names) == 0 {
		return nil, nil
	}
	op := iam.Describe
	if create {
		op = iam.Create
	}
	ask := kmsg.NewPtrMetadataRequest()
	ask.Version, ask.AllowAutoTopicCreation = 4, create
	for _, name := range names {
		ask.Topics = append(ask.Topics, kmsg.MetadataRequestTopic{Topic: &name})
	}
	resp, err := s.target.Request(c.ctx, s.via.Broker, ask)
	if err != nil {
		return nil, err
	}
	s.upstreamRefused(c.Call, do(op, topic(names[0])), resp)
	return resp.(*kmsg.MetadataResponse).Topics, nil
}

func (s *session) describable(name *string) bool {
	return name != nil && s.visible(iam.Describe, topic(*name))
}

// clusterOperations is what the client may do with the cluster, nothing
// without Describe on it.
func (s *session) clusterOperations(asked bool) int32 {
	switch {
	case !asked:
		return notAsked
	case !s.visible(iam.Describe, iam.ClusterResource()):
		return 0
	}
	return s.operations(iam.ClusterResource(), clusterOperations)
}

// shown keeps the items of an answer that may be seen.
func shown[T any](items []T, visible func(*T) bool) []T {
	kept := items[:0]
	for i := range items {
		if visible(&items[i]) {
			kept = append(kept, items[i])
		}
	}
	return kept
}
