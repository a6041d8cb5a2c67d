package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DeleteTopics needs Delete on each topic (ControllerApis.deleteTopics).
//
//   - v0-v5: names. v6 (KIP-516): names or ids; a refusal by id has no name.
func deleteTopics(c *call, q *kmsg.DeleteTopicsRequest) {
	if q.Version < 6 {
		q.TopicNames = keep(c, q.TopicNames, "Topics", func(name *string) *refusal { return c.one(do(iam.Delete, topic(*name))) })
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DeleteTopicsRequestTopic) *refusal {
		byID := t.TopicID != [16]byte{}
		switch {
		case byID == (t.Topic != nil):
			c.asked = true
			return &refusal{code: invalidRequest, words: "a topic is named by name or by id, not by both"}
		case byID:
			return c.topicByID(iam.Delete, t.TopicID)
		}
		return c.one(do(iam.Delete, topic(*t.Topic)))
	})
}
