package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// OffsetFetch needs Describe on each group and on each topic; without a list of
// topics it shows those that may be described (KafkaApis.handleOffsetFetchRequest).
//
//   - v2: null topics mean all, and there is an error at the top. v8 (KIP-709): many groups. v10: topics by id.
func offsetFetch(c *call, q *kmsg.OffsetFetchRequest) {
	edit(c, c.session.hideOffsets)
	if q.Version < 8 {
		if c.must(do(iam.Describe, group(q.Group))) {
			q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.OffsetFetchRequestTopic) *refusal {
				return c.one(do(iam.Describe, topic(t.Topic)))
			})
		} else if q.Version >= 2 {
			q.Topics = nil
		}
		return
	}
	c.listed = true
	groups := q.Groups[:0]
	for _, g := range q.Groups {
		if no := c.one(do(iam.Describe, group(g.Group))); no != nil {
			g.Topics = nil // the group's error says it all
			c.deny("Groups", &g, *no)
			continue
		}
		asked := len(g.Topics)
		denied := c.offsetTopics(&g, q.Version >= 10)
		if asked == 0 || len(g.Topics) > 0 {
			c.kept++
			groups = append(groups, g)
		} else { // an empty list would mean all topics
			c.cut++
		}
		if len(denied) > 0 {
			edit(c, func(r *kmsg.OffsetFetchResponse) { addOffsets(r, g.Group, denied) })
		}
	}
	q.Groups = groups
}

// offsetTopics removes the refused topics of a group and returns what stands
// for them in the answer.
func (c *call) offsetTopics(g *kmsg.OffsetFetchRequestGroup, byID bool) (denied []kmsg.OffsetFetchResponseGroupTopic) {
	kept := g.Topics[:0]
	for _, t := range g.Topics {
		if no := c.topic(iam.Describe, byID, t.Topic, t.TopicID); no != nil {
			denied = append(denied, errorFor[kmsg.OffsetFetchResponseGroupTopic](&t, *no))
			continue
		}
		kept = append(kept, t)
	}
	g.Topics = kept
	return denied
}

func addOffsets(r *kmsg.OffsetFetchResponse, name string, topics []kmsg.OffsetFetchResponseGroupTopic) {
	for i := range r.Groups {
		if g := &r.Groups[i]; g.Group == name {
			if g.ErrorCode == 0 { // the error of a group stands alone
				g.Topics = append(g.Topics, topics...)
			}
			return
		}
	}
	g := kmsg.NewOffsetFetchResponseGroup()
	g.Group, g.Topics = name, topics
	r.Groups = append(r.Groups, g)
}

// hideOffsets removes what the broker says about topics that may not be
// described.
func (s *session) hideOffsets(r *kmsg.OffsetFetchResponse) {
	r.Topics = shown(r.Topics, func(t *kmsg.OffsetFetchResponseTopic) bool { return s.describable(&t.Topic) })
	for i := range r.Groups {
		g := &r.Groups[i]
		g.Topics = shown(g.Topics, func(t *kmsg.OffsetFetchResponseGroupTopic) bool {
			if t.TopicID == [16]byte{} {
				return s.describable(&t.Topic)
			}
			return s.visibleByID(iam.Describe, t.TopicID)
		})
	}
}
