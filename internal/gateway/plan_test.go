package gateway

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/secret"
)

// FuzzPlan is any frame of a client without a right: nothing of it goes
// upstream but what needs none.
func FuzzPlan(f *testing.F) {
	for key, r := range rules {
		for _, version := range []int16{r.min, r.max} {
			f.Add(kmsg.NewRequestFormatter().AppendRequest(nil, decidable(key, version), 7)[4:])
		}
	}
	e := newEverything()
	p := &people{}
	p.bind(f)
	g, err := New(Config{Guard: guard.New(guard.Config{Authenticator: p, Authorizer: p, Sink: nowhere{}}), Clusters: map[string]Cluster{lkc: e}, Addresses: e})
	if err != nil {
		f.Fatal(err)
	}
	open := func(t *testing.T) *session {
		grant, err := g.Guard.Open(t.Context(), guard.Origin{}, iam.Credential{Mechanism: mechanism, Token: secret.New("nobody"), Cluster: lkc, LogicalCluster: lkc})
		if err != nil {
			t.Fatal(err)
		}
		return newSession(&visitor{g: g, t: g.targets[lkc], via: relay.Via{Cluster: lkc}, offer: makeOffer(e.versions)}, grant)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := kafka.ParseFrame(b)
		if err != nil {
			return
		}
		s := open(t)
		defer s.Close()
		plan, err := s.Plan(t.Context(), frame)
		if err != nil || plan.Verdict == relay.Close || plan.Verdict == relay.Answer {
			return
		}
		switch frame.Key {
		case 3, 16, 60, 66:
			return // brokers and filtered lists
		case keyProduce, keyFetch:
			req, err := api.Decode(frame.Key, frame.Version, frame.Body())
			if err == nil && empty(req) {
				return
			}
		}
		t.Fatalf("%s %d goes upstream: % x", nameOf(frame.Key), frame.Version, b)
	})
}

// nowhere keeps no audit records.
type nowhere struct{}

func (nowhere) Record(context.Context, ...audit.Record) error { return nil }

func empty(req kmsg.Request) bool {
	switch q := req.(type) {
	case *kmsg.ProduceRequest:
		return len(q.Topics) == 0 && q.TransactionID == nil
	case *kmsg.FetchRequest:
		return len(q.Topics) == 0
	}
	return false
}

// TestUpstreamRefused: an authorization error of the broker is klamm's own
// matter and is audited as such.
func TestUpstreamRefused(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	q := &kmsg.HeartbeatRequest{Version: 4, Group: "orders-1"}
	plan, err := s.Plan(h.ctx(), frame(t, q))
	if err != nil || plan.Verdict != relay.Send {
		t.Fatalf("%+v, %v", plan, err)
	}
	for code, audited := range map[int16]int{0: 0, 25: 0, groupDenied: 1} {
		h.log.allowed()
		resp := &kmsg.HeartbeatResponse{Version: 4, ErrorCode: code}
		b, err := plan.Edit(resp.AppendTo(kafka.ResponseHeader(nil, 12, 4, 7)))
		if err != nil {
			t.Fatal(err)
		}
		if again, _, err := readResponse(12, 4, b); err != nil || again.(*kmsg.HeartbeatResponse).ErrorCode != code {
			t.Errorf("%+v, %v", again, err)
		}
		h.log.mu.Lock()
		if n := len(h.log.records); n != audited || n > 0 && h.log.records[0].Steps[0].Code != guard.CodeUpstream {
			t.Errorf("error %d: %+v", code, h.log.records)
		}
		h.log.mu.Unlock()
	}
	if _, err := plan.Edit([]byte{0, 0, 0, 7, 1}); err == nil {
		t.Error("an answer that cannot be read goes to the client")
	}
}

// TestBrokerWithoutAddress: it is left out, and loudly.
func TestBrokerWithoutAddress(t *testing.T) {
	var log bytes.Buffer
	tg := newTarget(lkc, newEverything(), onlyOne{}, slog.New(slog.NewTextHandler(&log, nil)))
	r := &kmsg.MetadataResponse{Brokers: []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "kafka-1"}, {NodeID: 2, Host: "kafka-2"}}}
	tg.rewrite(r)
	if len(r.Brokers) != 1 || r.Brokers[0].Host != "b.example" {
		t.Errorf("%+v", r.Brokers)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "broker=2") || strings.Contains(log.String(), "kafka-2") {
		t.Errorf("%s", &log)
	}
}

// TestLargeRequestsLeaveNothing: the room that one request with many topics took
// is not kept for the life of the session.
func TestLargeRequestsLeaveNothing(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	produce, fetch := produceOf(9), fetchOf(9)
	for range 2 * keptTopics {
		produce.Topics = append(produce.Topics, kmsg.ProduceRequestTopic{Topic: "orders"})
		fetch.Topics = append(fetch.Topics, kmsg.FetchRequestTopic{Topic: "orders"})
	}
	planPasses(t, s, frame(t, produce))
	planPasses(t, s, frame(t, fetch))
	planPasses(t, s, frame(t, fetchOf(9, "orders")))
	if cap(s.produce.Topics) > keptTopics || cap(s.fetch.Topics) > keptTopics || cap(s.refused) > keptTopics {
		t.Errorf("room for %d, %d and %d topics", cap(s.produce.Topics), cap(s.fetch.Topics), cap(s.refused))
	}
}

// TestNoBroker: a number that is no broker's is never the bootstrap address.
func TestNoBroker(t *testing.T) {
	h := build(t, alice())
	replies(h, func(r *kmsg.FindCoordinatorResponse) {
		r.NodeID, r.Host, r.Port = -1, upstreamHost, 9092
		r.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{{Key: "orders-1", NodeID: -1, Host: upstreamHost, Port: 9092}}
	})
	for version := int16(0); version <= 6; version++ {
		q := kmsg.NewPtrFindCoordinatorRequest()
		q.Version, q.CoordinatorKey, q.CoordinatorKeys = version, "orders-1", []string{"orders-1"}
		r := h.loggedIn("alice", 0).ask(q).(*kmsg.FindCoordinatorResponse)
		if version >= 4 {
			r.ErrorCode, r.NodeID, r.Host, r.Port = r.Coordinators[0].ErrorCode, r.Coordinators[0].NodeID, r.Coordinators[0].Host, r.Coordinators[0].Port
		}
		if r.ErrorCode != api.CoordinatorNotAvailable || r.NodeID != -1 || r.Host != "" || r.Port != -1 {
			t.Errorf("version %d: %+v", version, r)
		}
	}
	replies(h, func(r *kmsg.MetadataResponse) {
		r.Brokers = []kmsg.MetadataResponseBroker{{NodeID: -1, Host: upstreamHost}, {NodeID: -2, Host: upstreamHost}, {NodeID: 1, Host: upstreamHost}}
	})
	if r := h.loggedIn("alice", 0).ask(kmsg.NewPtrMetadataRequest()).(*kmsg.MetadataResponse); len(r.Brokers) != 1 || r.Brokers[0].NodeID != 1 {
		t.Errorf("%+v", r.Brokers)
	}
}

type onlyOne struct{}

func (onlyOne) Addr(_ string, node int32) (string, int32, bool) { return "b.example", 9092, node == 1 }

// TestNodeEndpoints: addresses at the end of an answer to a Produce are
// rewritten (KIP-951).
func TestNodeEndpoints(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	s.target = newTarget(lkc, newEverything(), onlyOne{}, slog.New(slog.DiscardHandler))
	for version := int16(10); version <= 13; version++ {
		r := kmsg.NewPtrProduceResponse()
		r.Version = version
		r.Topics = []kmsg.ProduceResponseTopic{{Topic: "orders", Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: 6, CurrentLeader: kmsg.ProduceResponseTopicPartitionCurrentLeader{LeaderID: 1, LeaderEpoch: 3}}}}}
		r.Brokers = []kmsg.ProduceResponseBroker{{NodeID: 1, Host: "kafka-1", Port: 19092}, {NodeID: 2, Host: "kafka-2", Port: 19092}}
		b, err := s.producedEdit(&s.call, version)(r.AppendTo(kafka.ResponseHeader(nil, keyProduce, version, 7)))
		if err != nil {
			t.Fatal(err)
		}
		resp, correlation, err := readResponse(keyProduce, version, b)
		if got := resp.(*kmsg.ProduceResponse); err != nil || correlation != 7 || len(got.Brokers) != 1 || got.Brokers[0].Host != "b.example" || got.Topics[0].Partitions[0].CurrentLeader.LeaderID != 1 {
			t.Errorf("version %d: %+v, %v", version, resp, err)
		}
		if bytes.Contains(b, []byte("kafka-")) {
			t.Errorf("version %d: %q", version, b)
		}
	}
}
