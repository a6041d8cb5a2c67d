package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ShareAcknowledge (KIP-932) needs Read on the group and on each topic
// (KafkaApis.handleShareAcknowledgeRequest). It moves the share session on, as
// ShareFetch does, and is sent even when nothing of it is left.
//
//   - v0 was early access, and no broker's since 4.1. v2 (KIP-1222): renewals.
func shareAcknowledge(c *call, q *kmsg.ShareAcknowledgeRequest) {
	if !c.inShareSession(q.GroupID, q.MemberID, q.ShareSessionEpoch) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.ShareAcknowledgeRequestTopic) *refusal { return c.topicByID(iam.Read, t.TopicID) })
	c.kept++
	if q.ShareSessionEpoch == lastOfSession {
		c.session.shared.end()
	}
}
