package engine

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// members are those of consumer groups of the new protocol (KIP-848), with what kfake
// does not keep of their heartbeats, or wants to hear again.
type members struct {
	mu sync.Mutex
	of map[member]*said
}

type member struct{ group, id string }

// said is what a member said last. In a heartbeat null leaves things as they are.
type said struct {
	expression string // a broker shows it to whoever describes the group
	rebalance  int32
	owns       []kmsg.ConsumerGroupHeartbeatRequestTopic
}

// mostMembers bounds what is left behind by those that never said goodbye.
const mostMembers = 10_000

// note keeps what a heartbeat says. One that changes the subscription alone kfake takes
// for one that says nothing, which no broker does: it gets the rest of what the member
// said, and note reports that it has to be written anew.
func (m *members) note(q *kmsg.ConsumerGroupHeartbeatRequest) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	who := member{q.Group, q.MemberID}
	if q.MemberEpoch < 0 {
		delete(m.of, who)
		return false
	}
	s := m.of[who]
	if s == nil {
		if m.of == nil || len(m.of) >= mostMembers {
			m.of = map[member]*said{}
		}
		s = &said{rebalance: -1}
		m.of[who] = s
	}
	if q.SubscribedTopicRegex != nil {
		s.expression = *q.SubscribedTopicRegex
	}
	if q.RebalanceTimeoutMillis != -1 {
		s.rebalance = q.RebalanceTimeoutMillis
	}
	if q.Topics != nil {
		s.owns = q.Topics
	}
	if q.SubscribedTopicNames == nil && q.SubscribedTopicRegex == nil || q.RebalanceTimeoutMillis != -1 && q.Topics != nil || s.owns == nil {
		return false
	}
	q.RebalanceTimeoutMillis, q.Topics = s.rebalance, s.owns
	return true
}

// show puts the expressions into the description of groups.
func (m *members) show(resp kmsg.Response) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, g := range resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
		for i := range g.Members {
			if s := m.of[member{g.Group, g.Members[i].MemberID}]; s != nil && s.expression != "" {
				text := s.expression
				g.Members[i].SubscribedTopicRegex = &text
			}
		}
	}
}
