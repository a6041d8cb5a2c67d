package gateway

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
)

// subscription is what a member of a consumer group subscribes to (KIP-848). The
// broker would match a regular expression against all topics, for it knows klamm's
// rights only, and the member would get partitions that it may not read. So the
// broker is sent the names of those that match and may be described, anew whenever
// there are others, and the expression in a form that matches none: with that any
// gateway can go on with the member after this one.
type subscription struct {
	pattern *regexp.Regexp // nil: by names only
	named   []string       // by the client itself
	sent    []string       // to the broker; sorted

	topics, rules uint64      // the versions of the list of topics and of the rules that sent was made from
	lost          atomic.Bool // the broker did not take what was sent
}

// subscriber is a member of a group.
type subscriber struct{ group, member string }

// subscriptions are those of a connection.
type subscriptions map[subscriber]*subscription

// keptSubscribers bounds what a connection has; who is forgotten is asked for again.
const keptSubscribers = 100

// subscribe replaces the regular expression of a heartbeat, and says which topics it
// stands for by now in one that leaves it as it is.
func (c *call) subscribe(q *kmsg.ConsumerGroupHeartbeatRequest) {
	s, who := c.session, subscriber{strings.Clone(q.Group), strings.Clone(q.MemberID)}
	if q.MemberEpoch < 0 { // it leaves
		delete(s.subscribed, who)
		q.SubscribedTopicRegex = nil
		return
	}
	sub := s.subscribed[who]
	switch {
	case q.MemberEpoch == 0: // it joins, and sends all of it
		sub = &subscription{}
	case sub == nil:
		sub = c.recover(who)
	}
	switch {
	case sub != nil:
	case q.SubscribedTopicRegex == nil:
		return // and is asked about at the next heartbeat
	default: // an expression never goes on as it is
		sub = &subscription{}
	}
	if q.SubscribedTopicNames != nil {
		sub.named, sub.topics = slices.Clone(q.SubscribedTopicNames), 0
	}
	had := sub.pattern != nil
	if q.SubscribedTopicRegex != nil {
		if c.whole = sub.compile(*q.SubscribedTopicRegex); c.whole != nil {
			return
		}
	}
	s.keepSubscriber(who, sub)
	switch {
	case sub.pattern != nil:
		c.sendNames(q, sub)
	case had: // by names again
		q.SubscribedTopicNames = append([]string{}, sub.named...)
	}
}

func (s *session) keepSubscriber(who subscriber, sub *subscription) {
	if s.subscribed == nil || len(s.subscribed) >= keptSubscribers {
		s.subscribed = subscriptions{}
	}
	s.subscribed[who] = sub
}

// sendNames puts into a heartbeat what the pattern stands for, unless the broker
// knows.
func (c *call) sendNames(q *kmsg.ConsumerGroupHeartbeatRequest, sub *subscription) {
	given := q.SubscribedTopicRegex != nil || q.SubscribedTopicNames != nil
	lost := sub.lost.Swap(false)
	age := listAge
	if given {
		age = freshAge
	}
	if c.refreshNames(sub, age) || given || lost {
		q.SubscribedTopicNames = append([]string{}, sub.sent...) // never null, which would leave the broker's as they are
		edit(c, func(r *kmsg.ConsumerGroupHeartbeatResponse) { sub.lost.Store(r.ErrorCode != 0) })
	}
	if q.SubscribedTopicRegex != nil {
		q.SubscribedTopicRegex = kmsg.StringPtr(wrapped(*q.SubscribedTopicRegex))
	}
}

// refreshNames matches again when there are other topics or other rules, and reports
// whether that made a difference. A list that cannot be had changes nothing.
func (c *call) refreshNames(sub *subscription, age time.Duration) bool {
	all, version, err := c.session.target.topicNames(c.ctx, age)
	rules := c.session.grant.Generation()
	if err != nil || version == sub.topics && rules == sub.rules {
		return false
	}
	names := []string{}
	for _, name := range all {
		if sub.pattern.MatchString(name) && c.session.describable(&name) {
			names = append(names, name)
		}
	}
	for _, name := range sub.named {
		if c.session.describable(&name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	sub.topics, sub.rules = version, rules
	same := sub.sent != nil && slices.Equal(names, sub.sent)
	sub.sent = names
	return !same
}

// compile takes an expression in the syntax of RE2, which must match a whole name, as
// at the broker; an empty one is none. One that is refused changes nothing.
func (s *subscription) compile(text string) *refusal {
	var pattern *regexp.Regexp
	if text != "" {
		var err error
		if pattern, err = wholeName(text); err != nil {
			return &refusal{code: invalidExpression, words: err.Error()}
		}
	}
	s.pattern, s.topics = pattern, 0
	return nil
}

// longestExpression bounds, in bytes, what is compiled for a client.
const longestExpression = 4096

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

// A wrapped expression matches no topic, for none has a slash in its name.
const (
	wrapBegin = "/(?:"
	wrapEnd   = ")"
)

func wrapped(text string) string { return wrapBegin + text + wrapEnd }

// unwrapped is the expression that a client gave, of one as the broker has it.
func unwrapped(text *string) (string, bool) {
	if text == nil {
		return "", false
	}
	rest, begins := strings.CutPrefix(*text, wrapBegin)
	inner, ends := strings.CutSuffix(rest, wrapEnd)
	return inner, begins && ends
}

// recover learns from the broker how a member subscribes that joined through another
// connection or another gateway. Nil says that it cannot be learnt now.
func (c *call) recover(who subscriber) *subscription {
	ask := kmsg.NewPtrConsumerGroupDescribeRequest()
	ask.Groups = []string{who.group}
	resp, err := c.session.target.Request(c.ctx, c.session.via.Broker, ask)
	if err != nil {
		return nil
	}
	for _, g := range resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
		for i := range g.Members {
			if m := &g.Members[i]; m.MemberID == who.member {
				return subscribedAs(m)
			}
		}
	}
	return nil
}

// subscribedAs reads how a member subscribes, and puts into it what the client gave.
func subscribedAs(m *kmsg.ConsumerGroupDescribeResponseGroupMember) *subscription {
	sub := &subscription{}
	text, ok := unwrapped(m.SubscribedTopicRegex)
	if !ok || sub.compile(text) != nil {
		sub.named = m.SubscribedTopics
		return sub
	}
	sub.sent = slices.Sorted(slices.Values(m.SubscribedTopics))
	m.SubscribedTopicRegex = &text
	m.SubscribedTopics = shown(m.SubscribedTopics, func(name *string) bool { return !sub.pattern.MatchString(*name) })
	sub.named = m.SubscribedTopics
	return sub
}
