package gateway

import (
	"regexp"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// ConsumerGroupHeartbeat (KIP-848) needs Read on the group and Describe on each
// topic that it names; one refused topic refuses all
// (KafkaApis.handleConsumerGroupHeartbeat).
//
//   - v1: a regular expression, which the broker resolves under klamm's rights:
//     its members would get partitions that they may not read. It is sent on only
//     for who may describe all topics, and only if it matches none that this does
//     not cover: klamm's own and Kafka's internal ones.
func consumerGroupHeartbeat(c *call, q *kmsg.ConsumerGroupHeartbeatRequest) {
	if !c.must(do(iam.Read, group(q.Group))) {
		return
	}
	for _, name := range q.SubscribedTopicNames {
		if !c.must(do(iam.Describe, topic(name))) {
			return
		}
	}
	if q.SubscribedTopicRegex != nil && *q.SubscribedTopicRegex != "" {
		c.expression(*q.SubscribedTopicRegex)
	}
}

// longestExpression bounds, in bytes, what is compiled for a client.
const longestExpression = 4096

// expression decides about a regular expression in the syntax of RE2, which must
// match a whole name, as at the broker.
func (c *call) expression(text string) {
	if !c.must(do(iam.Describe, topic(allTopics))) {
		return
	}
	whole, err := wholeName(text)
	if err != nil {
		c.whole = &refusal{code: invalidExpression, words: err.Error()}
		return
	}
	for _, t := range c.topics() {
		if t.Topic != nil && whole.MatchString(*t.Topic) && !c.must(do(iam.Describe, topic(*t.Topic))) {
			return
		}
	}
}

// wholeName compiles an expression. Alone first, for in parentheses it could
// close them.
func wholeName(text string) (*regexp.Regexp, error) {
	if len(text) > longestExpression {
		return nil, fault.New(fault.Invalid, "a regular expression of %d bytes, at most %d are matched", len(text), longestExpression)
	}
	if _, err := regexp.Compile(text); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?:" + text + ")$")
}

// allTopics is no topic's name: only a pattern for all of them covers it.
const allTopics = "*"
