package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

func benchmarkPlan(b *testing.B, req kmsg.Request) {
	h := build(b, alice())
	s := h.session("alice")
	f := frame(b, req)
	ctx := h.ctx()
	planPasses(b, s, f)
	b.ReportAllocs()
	for b.Loop() {
		p, err := s.Plan(ctx, f)
		if err != nil || p.Verdict != relay.Pass {
			b.Fatal(p, err)
		}
	}
}

func planPasses(t testing.TB, s *session, f *kafka.Frame) {
	t.Helper()
	if p, err := s.Plan(t.Context(), f); err != nil || p.Verdict != relay.Pass {
		t.Fatalf("%+v, %v", p, err)
	}
}

func produceOf(version int16, topics ...string) *kmsg.ProduceRequest {
	q := kmsg.NewPtrProduceRequest()
	q.Version, q.Acks = version, -1
	for _, name := range topics {
		q.Topics = append(q.Topics, kmsg.ProduceRequestTopic{Topic: name, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 0, Records: make([]byte, 16<<10)}}})
	}
	return q
}

func BenchmarkPlanProduce(b *testing.B) { benchmarkPlan(b, produceOf(12, "orders", "orders.eu")) }
func BenchmarkPlanFetch(b *testing.B)   { benchmarkPlan(b, fetchOf(12, "orders", "orders.eu")) }

func BenchmarkPlanFetchInSession(b *testing.B) {
	h := build(b, alice())
	s := h.inSession(b, 7, "orders", "orders.eu")
	q := fetchOf(12, "orders")
	q.SessionID, q.SessionEpoch = 7, 1
	f, ctx := frame(b, q), h.ctx()
	planPasses(b, s, f)
	b.ReportAllocs()
	for b.Loop() {
		if p, err := s.Plan(ctx, f); err != nil || p.Verdict != relay.Pass {
			b.Fatal(p, err)
		}
	}
}

// TestPlanAllocatesNothing: neither a Produce nor a Fetch that is allowed, nor
// the answer to the Produce, by name and by id.
func TestPlanAllocatesNothing(t *testing.T) {
	h := build(t, alice())
	_, id := h.leader("orders")
	s := h.session("alice")
	produceID, fetchID := produceOf(13, ""), fetchOf(15, "")
	produceID.Topics[0].TopicID, fetchID.Topics[0].TopicID = id, id
	for _, req := range []kmsg.Request{produceOf(12, "orders", "orders.eu"), fetchOf(12, "orders", "orders.eu"), produceID, fetchID} {
		f, ctx := frame(t, req), h.ctx()
		planPasses(t, s, f)
		if n := testing.AllocsPerRun(100, func() { _, _ = s.Plan(ctx, f) }); n != 0 {
			t.Errorf("%s %d: %v allocations", nameOf(req.Key()), req.GetVersion(), n)
		}
	}
	inSession := h.inSession(t, 7, "orders", "orders.eu")
	for _, req := range []*kmsg.FetchRequest{fetchOf(12), fetchOf(12, "orders"), fetchID} {
		req.SessionID, req.SessionEpoch = 7, 1
		f, ctx := frame(t, req), h.ctx()
		planPasses(t, inSession, f)
		if n := testing.AllocsPerRun(100, func() { _, _ = inSession.Plan(ctx, f) }); n != 0 {
			t.Errorf("Fetch %d in a session: %v allocations", req.Version, n)
		}
	}
	resp := kmsg.NewPtrProduceResponse()
	resp.Version = 12
	resp.Topics = []kmsg.ProduceResponseTopic{{Topic: "orders", Partitions: make([]kmsg.ProduceResponseTopicPartition, 2)}}
	b := resp.AppendTo(kafka.ResponseHeader(nil, keyProduce, 12, 7))
	plan, err := s.Plan(h.ctx(), frame(t, produceOf(12, "orders")))
	if err != nil {
		t.Fatal(err)
	}
	edit := plan.Edit
	if n := testing.AllocsPerRun(100, func() { _, _ = edit(b) }); n != 0 {
		t.Errorf("the answer to a Produce: %v allocations", n)
	}
}
