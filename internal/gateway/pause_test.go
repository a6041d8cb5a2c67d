package gateway

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/relay"
)

// TestRefusedHeartbeatsPause: clients of the new groups ask again as soon as they were
// refused, and wait after a few times; what is allowed does not.
func TestRefusedHeartbeatsPause(t *testing.T) {
	h := build(t, alice())
	consumer := func(topics ...string) kmsg.Request {
		q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		q.Group, q.SubscribedTopicNames = "orders-848", topics
		return q
	}
	share := func(topics ...string) kmsg.Request {
		q := kmsg.NewPtrShareGroupHeartbeatRequest()
		q.Version, q.GroupID, q.SubscribedTopicNames = 1, "orders-share", topics
		return q
	}
	streams := func(topics ...string) kmsg.Request {
		names := map[string]string{}
		for _, name := range topics {
			names[name] = "source"
		}
		return topology(names)
	}
	for _, of := range []func(...string) kmsg.Request{consumer, share, streams} {
		s := h.session("alice")
		s.offer = makeOffer(newEverything().versions)
		for i := range 2 * quick {
			for _, topics := range [][]string{{"orders"}, {"orders", "secret"}} {
				req := of(topics...)
				p, err := s.Plan(h.ctx(), frame(t, req))
				refused := len(topics) > 1
				if err != nil || (p.Hold == hold) != (refused && i >= quick) || (p.Verdict == relay.Answer) != refused {
					t.Errorf("%s %d of %q: %+v, %v", nameOf(req.Key()), i, topics, p, err)
				}
			}
		}
		if s.refusals.storm(time.Now().Add(2 * quiet)) {
			t.Errorf("a refusal long after waits too")
		}
	}
}

// TestAccusedBroker: what no broker answers is audited, with what was wrong.
func TestAccusedBroker(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	s.Accuse(fault.New(fault.Malformed, "broker 7 answered correlation id 8, expected 9"))
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	r := h.log.records[len(h.log.records)-1]
	if step := r.Steps[len(r.Steps)-1]; step.Code != guard.CodeBreach || step.Saw != "broker 7 answered correlation id 8, expected 9" || step.OK || step.Mend == "" {
		t.Errorf("%+v", step)
	}
}
