package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeTopicPartitions (KIP-966) needs Describe on each topic
// (DescribeTopicPartitionsRequestHandler).
//
//   - An empty list means all, in pages, under klamm's rights, and its cursor
//     would name hidden topics: it becomes the sorted list of those that may be
//     described, so that cursors in and out are only such names.
//   - A page begins at its cursor's topic, which a broker wants in the list. When it is
//     gone, or may not be described, the page begins at the next.
func describeTopicPartitions(c *call, q *kmsg.DescribeTopicPartitionsRequest) {
	s := c.session
	edit(c, func(r *kmsg.DescribeTopicPartitionsResponse) {
		r.Topics = shown(r.Topics, func(t *kmsg.DescribeTopicPartitionsResponseTopic) bool { return s.describable(t.Topic) })
		for i := range r.Topics {
			r.Topics[i].AuthorizedOperations = s.operations(topic(*r.Topics[i].Topic), topicOperations)
		}
		if r.NextCursor != nil && !s.describable(&r.NextCursor.Topic) {
			r.NextCursor = nil
		}
	})
	all := len(q.Topics) == 0
	if all {
		for _, name := range c.describableTopics() {
			q.Topics = append(q.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: name})
		}
	}
	if q.Cursor != nil {
		q.Topics = shown(q.Topics, func(t *kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic >= q.Cursor.Topic })
	}
	if all {
		c.asked, c.listed = len(q.Topics) > 0, true // silently, as of any list
	} else {
		q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.DescribeTopicPartitionsRequestTopic) *refusal {
			return c.one(do(iam.Describe, topic(t.Topic)))
		})
	}
	atCursor := func(t kmsg.DescribeTopicPartitionsRequestTopic) bool { return t.Topic == q.Cursor.Topic }
	if q.Cursor != nil && !slices.ContainsFunc(q.Topics, atCursor) {
		q.Cursor = nil
	}
}

// describableTopics are the names of all topics that may be described, sorted.
func (c *call) describableTopics() []string {
	names, err := c.session.target.askTopicNames(c.ctx)
	if err != nil {
		c.err = err
	}
	return shown(names, func(name *string) bool { return c.session.describable(name) })
}
