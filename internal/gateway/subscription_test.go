package gateway

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// member is a member of a consumer group on a connection.
type member struct {
	*byHand
	group, id string
	epoch     int32
	broker    *watched[*kmsg.ConsumerGroupHeartbeatRequest]
}

// joins is a member that has not yet joined.
func (h *house) joins(token, group, id string) *member {
	h.t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKey = group
	node := h.loggedIn(token, relay.Bootstrap).ask(find).(*kmsg.FindCoordinatorResponse).NodeID
	return &member{h.loggedIn(token, node), group, id, 0, sees[*kmsg.ConsumerGroupHeartbeatRequest](h, keyConsumerGroupHeartbeat)}
}

func (m *member) request(expression *string, names []string) *kmsg.ConsumerGroupHeartbeatRequest {
	q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	q.Version, q.Group, q.MemberID, q.MemberEpoch = 1, m.group, m.id, m.epoch
	q.SubscribedTopicRegex, q.SubscribedTopicNames = expression, names
	if m.epoch == 0 {
		q.RebalanceTimeoutMillis, q.Topics = 1000, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	}
	return q
}

func (m *member) beat(expression *string, names []string) *kmsg.ConsumerGroupHeartbeatResponse {
	m.t.Helper()
	m.broker.take(m.t.(*testing.T))
	r := m.ask(m.request(expression, names)).(*kmsg.ConsumerGroupHeartbeatResponse)
	if r.ErrorCode == 0 {
		m.epoch = r.MemberEpoch
	}
	return r
}

// sends wants a heartbeat to reach the broker with an expression and these names; ""
// stands for null.
func (m *member) sends(expression *string, names []string, wantExpression, wantNames string) {
	m.t.Helper()
	r := m.beat(expression, names)
	saw := m.broker.take(m.t.(*testing.T))
	if r.ErrorCode != 0 || len(saw) != 1 {
		m.t.Fatalf("%+v, the broker saw %+v", r, saw)
	}
	gotExpression, gotNames := "", strings.Join(saw[0].SubscribedTopicNames, " ")
	if saw[0].SubscribedTopicRegex != nil {
		gotExpression = *saw[0].SubscribedTopicRegex
	}
	if saw[0].SubscribedTopicNames != nil && gotNames == "" {
		gotNames = "none"
	}
	if gotExpression != wantExpression || gotNames != wantNames {
		m.t.Errorf("the broker saw %q and %q, want %q and %q", gotExpression, gotNames, wantExpression, wantNames)
	}
}

// unchanged wants a heartbeat that says nothing to stay so.
func (m *member) unchanged() {
	m.t.Helper()
	m.sends(nil, nil, "", "")
}

// another is the same member on another connection.
func (h *house) another(token string, m *member) *member {
	again := *m
	again.byHand = h.loggedIn(token, m.link.Broker)
	return &again
}

// describes has the broker tell of a group as Kafka does: with the expression of each
// member, which the broker of the tests leaves out. It counts how often it is asked.
func (h *house) describes(group string, members ...kmsg.ConsumerGroupDescribeResponseGroupMember) (asked *atomic.Int64) {
	asked = new(atomic.Int64)
	replies(h, func(r *kmsg.ConsumerGroupDescribeResponse) {
		asked.Add(1)
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.Group = group
		for _, m := range members {
			m.SubscribedTopics = slices.Clone(m.SubscribedTopics)
			g.Members = append(g.Members, m)
		}
		r.Groups = append(r.Groups, g)
	})
	return asked
}

// createTopic makes a topic behind the gateway's back, and has it look.
func (h *house) createTopic(name string) {
	h.t.Helper()
	q := kmsg.NewPtrMetadataRequest()
	q.Version, q.AllowAutoTopicCreation, q.Topics = 4, true, []kmsg.MetadataRequestTopic{{Topic: &name}}
	if _, err := h.cluster.Request(h.ctx(), relay.Bootstrap, q); err != nil {
		h.t.Fatal(err)
	}
	h.ageTopics()
}

func (h *house) ageTopics() {
	l := &h.gateway.targets[lkc].topics
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = time.Time{}
}

// TestSecurity_21_RegexSubscription: an expression stands for what its member may
// describe, whatever it matches, and follows the topics and the rules.
func TestSecurity_21_RegexSubscription(t *testing.T) {
	h := build(t, alice())
	m := h.joins("alice", "orders-848", "m-1")
	m.sends(kmsg.StringPtr(".*"), []string{}, "/(?:.*)", "orders orders.eu")
	m.unchanged()
	h.createTopic("orders.new")
	m.sends(nil, nil, "", "orders orders.eu orders.new")
	h.createTopic("secret.new")
	m.unchanged()
	h.people.bind(t, append(alice()[2:], binding("alice", "DeveloperRead", iam.Topic, "orders.*"))...)
	m.sends(nil, nil, "", "orders.eu orders.new")
	h.people.bind(t, alice()...)
	m.sends(nil, nil, "", "orders orders.eu orders.new")

	// Another expression; names beside it; nothing that matches; names alone.
	m.sends(kmsg.StringPtr("s.*|.*new"), nil, "/(?:s.*|.*new)", "orders.new")
	m.sends(nil, []string{"orders"}, "", "orders orders.new")
	m.sends(kmsg.StringPtr("secret"), []string{}, "/(?:secret)", "none")
	m.unchanged()
	m.sends(kmsg.StringPtr(""), []string{"orders"}, "", "orders")
	h.createTopic("orders.last")
	m.unchanged()
	m.sends(kmsg.StringPtr("orders.*"), nil, "/(?:orders.*)", "orders orders.eu orders.last orders.new")
	m.sends(kmsg.StringPtr(""), nil, "", "orders")

	// Whoever may describe all topics may not klamm's own.
	admin := h.joins("admin", "orders-admin", "m-2")
	admin.sends(kmsg.StringPtr("__.*|orders|x"), []string{}, "/(?:__.*|orders|x)", "orders")
	// What a broker would assign all the same cannot be read.
	if f := admin.ask(fetchOf(12, ownTopic)).(*kmsg.FetchResponse); f.Topics[0].Partitions[0].ErrorCode != topicDenied {
		t.Errorf("klamm's own topic is read: %+v", f)
	}
}

// TestRefusedSubscriptions: what is not allowed or no expression is answered here,
// and leaves the member's subscription as it was.
func TestRefusedSubscriptions(t *testing.T) {
	h := build(t, alice())
	m := h.joins("alice", "orders-848", "m-1")
	m.sends(kmsg.StringPtr("orders"), []string{}, "/(?:orders)", "orders")
	for expression, code := range map[string]int16{
		"orders)|(.*": invalidExpression, "(": invalidExpression, "(?=a)": invalidExpression, "\\": invalidExpression, strings.Repeat("a", 5000): invalidExpression,
	} {
		r := m.beat(&expression, nil)
		if saw := m.broker.take(t); r.ErrorCode != code || r.Assignment != nil || r.ErrorMessage == nil || len(saw) != 0 {
			t.Errorf("%.40q: %+v, the broker saw %+v", expression, r, saw)
		}
	}
	for _, names := range [][]string{{"orders", "secret"}, {ownTopic}} {
		r := m.beat(kmsg.StringPtr(".*"), names)
		if r.ErrorCode != topicDenied || !strings.Contains(*r.ErrorMessage, "ref=") || len(m.broker.take(t)) != 0 {
			t.Errorf("%q: %+v", names, r)
		}
	}
	if r := h.joins("alice", "hidden", "m-1").beat(kmsg.StringPtr(".*"), nil); r.ErrorCode != groupDenied {
		t.Errorf("%+v", r)
	}
	m.unchanged()
	h.createTopic("orders.new")
	m.unchanged()
}

// TestSubscriptionsMove: a member that comes through another connection, or another
// gateway, goes on as it subscribed; only the broker has to know.
func TestSubscriptionsMove(t *testing.T) {
	h := build(t, alice())
	m := h.joins("alice", "orders-848", "m-1")
	m.sends(kmsg.StringPtr("orders[.].*"), []string{"orders"}, "/(?:orders[.].*)", "orders orders.eu")
	byName := h.joins("alice", "orders-848", "m-2")
	byName.sends(nil, []string{"orders"}, "", "orders")
	for byName.epoch < m.epoch+1 { // the group has moved on
		m.unchanged()
		byName.unchanged()
	}
	asked := h.describes("orders-848",
		kmsg.ConsumerGroupDescribeResponseGroupMember{MemberID: "m-1", SubscribedTopicRegex: kmsg.StringPtr("/(?:orders[.].*)"), SubscribedTopics: []string{"orders.eu", "orders"}},
		kmsg.ConsumerGroupDescribeResponseGroupMember{MemberID: "m-2", SubscribedTopics: []string{"orders"}})
	m, byName = h.another("alice", m), h.another("alice", byName)
	m.unchanged()
	byName.unchanged()
	if n := asked.Load(); n != 2 {
		t.Errorf("the broker was asked %d times", n)
	}
	h.createTopic("orders.new")
	m.sends(nil, nil, "", "orders orders.eu orders.new")
	byName.unchanged()
	if n := asked.Load(); n != 2 {
		t.Errorf("the broker was asked again, %d times in all", n)
	}
	// Others see what the client gave.
	q := kmsg.NewPtrConsumerGroupDescribeRequest()
	q.Groups = []string{"orders-848"}
	members := m.ask(q).(*kmsg.ConsumerGroupDescribeResponse).Groups[0].Members
	if len(members) != 2 {
		t.Errorf("%d members are shown", len(members))
	}
	for _, g := range members {
		expression := ""
		if g.SubscribedTopicRegex != nil {
			expression = *g.SubscribedTopicRegex
		}
		if want := map[string]string{"m-1": "orders[.].*"}[g.MemberID]; expression != want || !slices.Equal(g.SubscribedTopics, []string{"orders"}) {
			t.Errorf("%s is shown with %q and %q", g.MemberID, expression, g.SubscribedTopics)
		}
	}
}

// TestLostSubscription: what the broker did not take is sent again.
func TestLostSubscription(t *testing.T) {
	h := build(t, alice())
	m := h.joins("alice", "orders-848", "m-1")
	m.sends(kmsg.StringPtr("orders.*"), []string{}, "/(?:orders.*)", "orders orders.eu")
	h.createTopic("orders.new")
	const loading = 14
	h.behind.ControlKey(keyConsumerGroupHeartbeat, func(req kmsg.Request) (kmsg.Response, error, bool) {
		r := req.ResponseKind().(*kmsg.ConsumerGroupHeartbeatResponse)
		r.ErrorCode = loading
		return r, nil, true
	})
	if r := m.beat(nil, nil); r.ErrorCode != loading {
		t.Fatalf("%+v", r)
	}
	m.sends(nil, nil, "", "orders orders.eu orders.new")
	m.unchanged()
}

// TestUnknownSubscriber: of a member that nobody tells about, a new expression is
// replaced all the same, and what it leaves as it is stays so.
func TestUnknownSubscriber(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	asked := h.describes("orders-848")
	m := &member{group: "orders-848", id: "m-9", epoch: 4}
	for expression, want := range map[string]string{"": "", ".*": "/(?:.*)"} {
		q := m.request(nil, nil)
		if expression != "" {
			q.SubscribedTopicRegex = &expression
		}
		got, _ := sent(&sharing{t: t, h: h, session: s}, q)
		if expression != "" && (got.SubscribedTopicRegex == nil || *got.SubscribedTopicRegex != want || !slices.Equal(got.SubscribedTopicNames, []string{"orders", "orders.eu"})) ||
			expression == "" && (got.SubscribedTopicRegex != nil || got.SubscribedTopicNames != nil) {
			t.Errorf("%q: the broker saw %+v", expression, got)
		}
		delete(s.subscribed, subscriber{m.group, m.id})
	}
	if asked.Load() != 2 {
		t.Errorf("the broker was asked %d times", asked.Load())
	}
}

// TestManySubscribers: a connection keeps no more than it has room for.
func TestManySubscribers(t *testing.T) {
	h := build(t, alice(), kfake.NumBrokers(1))
	s := h.session("alice")
	m := &member{group: "orders-848"}
	for _, n := range names(keptSubscribers + 10) {
		m.id = n
		if p, err := s.Plan(h.ctx(), frame(t, m.request(kmsg.StringPtr("orders.*"), []string{}))); err != nil || p.Verdict != relay.Send {
			t.Fatalf("%+v, %v", p, err)
		}
		if len(s.subscribed) > keptSubscribers {
			t.Fatalf("%d are kept", len(s.subscribed))
		}
	}
	m.epoch = -1
	if _, err := s.Plan(h.ctx(), frame(t, m.request(nil, nil))); err != nil || s.subscribed[subscriber{m.group, m.id}] != nil {
		t.Errorf("who has left is kept: %v", err)
	}
}

// BenchmarkSubscription: what a heartbeat costs with 10 000 topics, one that changes
// nothing and one after which there are other topics.
func BenchmarkSubscription(b *testing.B) {
	h := build(b, append(alice(), binding("many", "DeveloperRead", iam.Topic, "orders*"), binding("many", "DeveloperRead", iam.Group, "orders*")), kfake.SeedTopics(1, names(10_000)...))
	s := h.session("many")
	join := &member{group: "orders-1", id: "m"}
	h.people.bind(b, append(alice(), binding("many", "DeveloperRead", iam.Topic, "*"), binding("many", "DeveloperRead", iam.Group, "orders*"))...)
	if _, err := s.Plan(h.ctx(), frame(b, join.request(kmsg.StringPtr("(orders|.*[0-9])-?.*"), []string{}))); err != nil {
		b.Fatal(err)
	}
	join.epoch = 1
	f := frame(b, join.request(nil, nil))
	beat := func(b *testing.B, f *kafka.Frame) {
		if p, err := s.Plan(b.Context(), f); err != nil || p.Verdict != relay.Send {
			b.Fatalf("%+v, %v", p, err)
		}
	}
	b.Run("same", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			beat(b, f)
		}
	})
	b.Run("changed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.subscribed[subscriber{"orders-1", "m"}].topics = 0
			beat(b, f)
		}
	})
}
