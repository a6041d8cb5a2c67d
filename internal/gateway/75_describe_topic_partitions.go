package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeTopicPartitions (KIP-966) needs Describe on each topic
// (DescribeTopicPartitionsRequestHandler).
//
//   - An empty list means all, in pages, under klamm's rights, and its cursor
//     would name hidden topics: it becomes the sorted list of those that may be
//     described, so that cursors in and out are only such names.
func describeTopicPartitions(c *call, q *kmsg.DescribeTopicPartitionsRequest) {
	s := c.session
	if q.Cursor != nil && !c.must(do(iam.Describe, topic(q.Cursor.Topic))) {
		return
	}
	edit(c, func(r *kmsg.DescribeTopicPartitionsResponse) {
		r.Topics = shown(r.Topics, func(t *kmsg.DescribeTopicPartitionsResponseTopic) bool { return s.describable(t.Topic) })
		for i := range r.Topics {
			r.Topics[i].AuthorizedOperations = s.operations(topic(*r.Topics[i].Topic), topicOperations)
		}
		if r.NextCursor != nil && !s.describable(&r.NextCursor.Topic) {
			r.NextCursor = nil
		}
	})
	if len(q.Topics) == 0 {
		for _, name := range c.describableTopics() {
			q.Topics = append(q.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: name})
		}
		c.asked, c.listed = len(q.Topics) > 0, true
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DescribeTopicPartitionsRequestTopic) *refusal {
		return c.one(do(iam.Describe, topic(t.Topic)))
	})
}

// describableTopics are the names of all topics that may be described, sorted.
func (c *call) describableTopics() []string {
	names, err := c.session.target.askTopicNames(c.ctx)
	if err != nil {
		c.err = err
	}
	return shown(names, func(name *string) bool { return c.session.describable(name) })
}
