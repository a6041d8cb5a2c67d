package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ShareFetch (KIP-932) needs Read on the group and on each topic, those of its
// share session included (KafkaApis.handleShareFetchRequest).
//
//   - Each request moves the session on at the broker, so that all are sent. Topics
//     that are refused are cut, with their acknowledgements, and those that the
//     session has are forgotten there until they are allowed again; the client finds
//     an error at each of their partitions.
//   - A session goes on only on the connection that opened it. The broker would
//     serve any connection that names group and member: whatever else comes of one
//     is taken out of the answer.
//   - v0 was early access, and no broker's since 4.1. v2 (KIP-1222): renewals.
func shareFetch(c *call, q *kmsg.ShareFetchRequest) {
	s := &c.session.shared
	if !c.inShareSession(q.GroupID, q.MemberID, q.ShareSessionEpoch) {
		return
	}
	switch q.ShareSessionEpoch {
	case freshSession:
		s.begin(*q.GroupID, *q.MemberID)
	case lastOfSession:
		defer s.end()
	}
	if q.ShareSessionEpoch != lastOfSession && !s.follow(q) {
		s.end()
		c.whole = &refusal{code: shareSessionLimit, words: "a share session of more partitions than are served on one connection"}
		return
	}
	refused := c.refusedShares(q.Topics)
	errors := s.errors(q.Topics, refused)
	q.Topics = withoutRefused(q.Topics, refused)
	if q.ShareSessionEpoch != lastOfSession {
		s.reconcile(q, refused)
	}
	q.MaxBytes = min(q.MaxBytes, heldBytes) // the answer is held, not streamed
	c.kept++
	at := c.session
	edit(c, func(r *kmsg.ShareFetchResponse) {
		r.Topics = append(shown(r.Topics, func(t *kmsg.ShareFetchResponseTopic) bool { return at.visibleByID(iam.Read, t.TopicID) }), errors...)
	})
}

// inShareSession decides about the group, and whether a request may go on with the
// session that it names; epoch 0 begins one.
func (c *call) inShareSession(group, member *string, epoch int32) bool {
	if c.asked = true; group == nil || member == nil {
		c.whole = &refusal{code: invalidRequest, words: "the request names no group or no member"}
		return false
	}
	if !c.must(do(iam.Read, iam.Resource{Type: iam.Group, Name: *group})) {
		return false
	}
	if epoch != freshSession && !c.session.shared.is(*group, *member) {
		c.whole = &refusal{code: shareSessionUnknown}
	}
	return c.whole == nil
}

// refusedShares decides about the topics of a request and of the session, each once.
func (c *call) refusedShares(topics []kmsg.ShareFetchRequestTopic) map[[16]byte]*refusal {
	refused := map[[16]byte]*refusal{}
	decide := func(id [16]byte) {
		if _, done := refused[id]; !done {
			refused[id] = c.topicByID(iam.Read, id)
		}
	}
	for _, t := range topics {
		decide(t.TopicID)
	}
	for id := range c.session.shared.topics {
		decide(id)
	}
	return refused
}

func withoutRefused(topics []kmsg.ShareFetchRequestTopic, refused map[[16]byte]*refusal) []kmsg.ShareFetchRequestTopic {
	return shown(topics, func(t *kmsg.ShareFetchRequestTopic) bool { return refused[t.TopicID] == nil })
}
