package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeShareGroupOffsets (KIP-932) needs Describe on each group and on each
// topic; null topics show those that may be described
// (KafkaApis.handleDescribeShareGroupOffsetsRequest).
//
//   - v1 (KIP-1226): how far a partition lags.
func describeShareGroupOffsets(c *call, q *kmsg.DescribeShareGroupOffsetsRequest) {
	s := c.session
	edit(c, func(r *kmsg.DescribeShareGroupOffsetsResponse) {
		for i := range r.Groups {
			r.Groups[i].Topics = shown(r.Groups[i].Topics, func(t *kmsg.DescribeShareGroupOffsetsResponseGroupTopic) bool { return s.describable(&t.Topic) })
		}
	})
	c.listed = true
	groups := q.Groups[:0]
	for _, g := range q.Groups {
		if no := c.one(do(iam.Describe, group(g.GroupID))); no != nil {
			g.Topics = nil // the group's error says it all
			c.deny("Groups", &g, *no)
			continue
		}
		denied := c.shareOffsetTopics(&g)
		if len(denied) == 0 || len(g.Topics) > 0 {
			c.kept++
			groups = append(groups, g)
		} else {
			c.cut++
		}
		if len(denied) > 0 {
			edit(c, func(r *kmsg.DescribeShareGroupOffsetsResponse) { addShareOffsets(r, g.GroupID, denied) })
		}
	}
	q.Groups = groups
}

// shareOffsetTopics removes the refused topics of a group and returns what stands
// for them in the answer.
func (c *call) shareOffsetTopics(g *kmsg.DescribeShareGroupOffsetsRequestGroup) (denied []kmsg.DescribeShareGroupOffsetsResponseGroupTopic) {
	g.Topics = slices.DeleteFunc(g.Topics, func(t kmsg.DescribeShareGroupOffsetsRequestGroupTopic) bool {
		no := c.one(do(iam.Describe, topic(t.Topic)))
		if no != nil {
			denied = append(denied, errorFor[kmsg.DescribeShareGroupOffsetsResponseGroupTopic](&t, *no))
		}
		return no != nil
	})
	return denied
}

func addShareOffsets(r *kmsg.DescribeShareGroupOffsetsResponse, name string, topics []kmsg.DescribeShareGroupOffsetsResponseGroupTopic) {
	i := slices.IndexFunc(r.Groups, func(g kmsg.DescribeShareGroupOffsetsResponseGroup) bool { return g.GroupID == name })
	if i < 0 {
		i = len(r.Groups)
		r.Groups = append(r.Groups, kmsg.DescribeShareGroupOffsetsResponseGroup{GroupID: name})
	}
	if r.Groups[i].ErrorCode == 0 { // the error of a group stands alone
		r.Groups[i].Topics = append(r.Groups[i].Topics, topics...)
	}
}
