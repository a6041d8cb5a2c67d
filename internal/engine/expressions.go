package engine

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// expressions are the regular expressions that members of groups subscribe by
// (KIP-848): a broker shows them to whoever describes the group, kfake does not.
type expressions struct {
	mu sync.Mutex
	of map[member]string
}

type member struct{ group, id string }

// mostExpressions bounds what members leave behind that never said goodbye.
const mostExpressions = 10_000

// note keeps what a heartbeat says; null leaves things as they are.
func (e *expressions) note(q *kmsg.ConsumerGroupHeartbeatRequest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	who := member{q.Group, q.MemberID}
	switch {
	case q.MemberEpoch == -1 || q.SubscribedTopicRegex != nil && *q.SubscribedTopicRegex == "":
		delete(e.of, who)
	case q.SubscribedTopicRegex != nil:
		if e.of == nil || len(e.of) >= mostExpressions {
			e.of = map[member]string{}
		}
		e.of[who] = *q.SubscribedTopicRegex
	}
}

// show puts the expressions into the description of groups.
func (e *expressions) show(resp kmsg.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
		for i := range g.Members {
			if text, ok := e.of[member{g.Group, g.Members[i].MemberID}]; ok {
				g.Members[i].SubscribedTopicRegex = &text
			}
		}
	}
}
