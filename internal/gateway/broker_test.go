package gateway

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

// What the broker sees of a request, and what a client sees of an answer that
// the broker of the tests never gives by itself.

// sees keeps what the broker gets of a key, each request as written anew.
func sees[Q kmsg.Request](h *house, key int16) *watched[Q] {
	w := &watched[Q]{key: key}
	h.behind.ControlKey(key, func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.requests = append(w.requests, recorded{req.GetVersion(), req.AppendTo(nil)})
		return nil, nil, false
	})
	return w
}

type watched[Q kmsg.Request] struct {
	key      int16
	mu       sync.Mutex
	requests []recorded
}

type recorded struct {
	version int16
	body    []byte
}

// take gives what came since the last call.
func (w *watched[Q]) take(t *testing.T) (list []Q) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.requests {
		req := kmsg.RequestForKey(w.key)
		req.SetVersion(r.version)
		if err := req.ReadFrom(r.body); err != nil {
			t.Fatal(err)
		}
		list = append(list, req.(Q))
	}
	w.requests = nil
	return list
}

// replies has the broker answer requests of a key with what f makes of an empty
// answer, as often as it is asked.
func replies[R kmsg.Response](h *house, f func(R)) {
	var sample R
	h.behind.ControlKey(sample.Key(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		h.behind.KeepControl()
		resp := req.ResponseKind()
		f(resp.(R))
		return resp, nil, true
	})
}

// TestFetchTrimmed: of a Fetch that is partly refused the broker sees the rest
// as the client wrote it, without a session, and no more is held of the answer
// than fits.
func TestFetchTrimmed(t *testing.T) {
	h := build(t, alice())
	node, id := h.leader("orders")
	_, secretID := h.leader("secret")
	b := h.loggedIn("alice", node)
	broker := sees[*kmsg.FetchRequest](h, keyFetch)
	for version := rules[keyFetch].min; version <= rules[keyFetch].max; version++ {
		q := fetchOf(version, "secret", "orders", "secret", "orders")
		for i := range q.Topics {
			q.Topics[i].TopicID = [][16]byte{secretID, id}[i%2]
			q.Topics[i].Partitions[0].Partition = int32(i / 2)
			q.Topics[i].Partitions[0].FetchOffset = 0
			q.Topics[i].Partitions[0].PartitionMaxBytes = 1000 + int32(i)
		}
		q.MaxWaitMillis, q.MinBytes, q.MaxBytes, q.IsolationLevel, q.Rack = 1, 0, 1<<30, 1, "rack-1"
		q.SessionID, q.SessionEpoch = 0, 0
		q.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "secret", TopicID: secretID, Partitions: []int32{0}}}
		r := b.ask(q).(*kmsg.FetchResponse)

		saw := broker.take(t)
		if len(saw) != 1 {
			t.Fatalf("version %d: the broker saw %d requests", version, len(saw))
		}
		s := saw[0]
		if len(s.Topics) != 2 || s.Topics[0].Partitions[0].PartitionMaxBytes != 1001 || s.Topics[1].Partitions[0].PartitionMaxBytes != 1003 {
			t.Errorf("version %d: the broker saw %+v", version, s.Topics)
		}
		if s.SessionID != 0 || version >= 7 && s.SessionEpoch != -1 || len(s.ForgottenTopics) != 0 || s.MaxBytes > heldBytes || s.IsolationLevel != 1 ||
			version >= 11 && s.Rack != "rack-1" || s.ReplicaID != -1 || s.ReplicaState.ID != -1 {
			t.Errorf("version %d: the broker saw %+v", version, s)
		}
		if r.ErrorCode != 0 || r.SessionID != 0 {
			t.Errorf("version %d: %+v", version, r)
		}
		refused := 0
		for _, topic := range r.Topics {
			if topic.Topic == "orders" || topic.TopicID == id {
				continue
			}
			p := topic.Partitions[0]
			if p.Partition != int32(refused) || p.ErrorCode != topicDenied || p.RecordBatches == nil {
				t.Errorf("version %d: %+v", version, topic)
			}
			refused++
		}
		if refused != 2 {
			t.Errorf("version %d: %d refused topics in the answer", version, refused)
		}

		// And all of it allowed: as it came.
		q = fetchOf(version, "orders")
		q.Topics[0].TopicID, q.SessionEpoch, q.MaxBytes, q.MaxWaitMillis, q.Rack = id, 0, 1<<30, 1, "rack-1"
		b.ask(q)
		if s := broker.take(t)[0]; string(s.AppendTo(nil)) != string(q.AppendTo(nil)) {
			t.Errorf("version %d: the broker saw %+v", version, s)
		}
	}
}

// TestFetchRefusedWhole: nothing is asked, and each partition has its error and
// no records, never null: librdkafka cannot read that.
func TestFetchRefusedWhole(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	broker := sees[*kmsg.FetchRequest](h, keyFetch)
	for version := rules[keyFetch].min; version <= 12; version++ {
		p := b.ask(fetchOf(version, "secret")).(*kmsg.FetchResponse).Topics[0].Partitions[0]
		if p.ErrorCode != topicDenied || p.RecordBatches == nil || len(p.RecordBatches) != 0 || p.HighWatermark != -1 || p.PreferredReadReplica != -1 {
			t.Errorf("version %d: %+v", version, p)
		}
	}
	if saw := broker.take(t); len(saw) != 0 {
		t.Errorf("the broker saw %+v", saw)
	}
}

// TestUpstreamErrorAndRefusal: an error of the broker at the top stays, and what
// was refused is there too.
func TestUpstreamErrorAndRefusal(t *testing.T) {
	h := build(t, alice())
	node, _ := h.leader("orders")
	const storage, notCoordinator = 56, 16
	replies(h, func(r *kmsg.FetchResponse) { r.ErrorCode = storage })
	f := h.loggedIn("alice", node).ask(fetchOf(12, "orders", "secret")).(*kmsg.FetchResponse)
	if f.ErrorCode != storage || len(f.Topics) != 1 || f.Topics[0].Partitions[0].ErrorCode != topicDenied {
		t.Errorf("%+v", f)
	}
	replies(h, func(r *kmsg.OffsetFetchResponse) {
		r.Groups = []kmsg.OffsetFetchResponseGroup{{Group: "orders-1", ErrorCode: notCoordinator}}
	})
	q := kmsg.NewPtrOffsetFetchRequest()
	q.Version = 9
	q.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "orders-1", MemberEpoch: -1, Topics: []kmsg.OffsetFetchRequestGroupTopic{
		{Topic: "secret", Partitions: []int32{0}}, {Topic: "orders", Partitions: []int32{0}},
	}}}
	o := h.loggedIn("alice", 0).ask(q).(*kmsg.OffsetFetchResponse)
	if len(o.Groups) != 1 || o.Groups[0].ErrorCode != notCoordinator || len(o.Groups[0].Topics) != 0 {
		t.Errorf("the error of a group stands alone: %+v", o)
	}
}

// TestUpstreamRefusesProduce: also of a Produce that passes as it came, a lack of
// rights upstream is klamm's own matter, in each version.
func TestUpstreamRefusesProduce(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	for version := rules[keyProduce].min; version <= 12; version++ {
		code := topicDenied
		if version == 12 {
			code = 10 // MESSAGE_TOO_LARGE is no matter of rights
		}
		h.behind.ControlKey(keyProduce, func(req kmsg.Request) (kmsg.Response, error, bool) {
			r := req.ResponseKind().(*kmsg.ProduceResponse)
			r.Topics = []kmsg.ProduceResponseTopic{{Topic: "orders", Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: code, BaseOffset: -1}}}}
			return r, nil, true
		})
		h.log.allowed()
		r := b.ask(produceOf(version, "orders")).(*kmsg.ProduceResponse)
		if r.Topics[0].Partitions[0].ErrorCode != code {
			t.Errorf("version %d: %+v", version, r)
		}
		audited := h.log.upstream()
		if (audited == 1) != (code == topicDenied) {
			t.Errorf("version %d, error %d: %d events", version, code, audited)
		}
	}
}

// TestUpstreamRefusesFetch: answers of every version stream through, and tell
// on their way that klamm's own user lacks a right.
func TestUpstreamRefusesFetch(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	_, id := h.leader("orders")
	for version := rules[keyFetch].min; version <= rules[keyFetch].max; version++ {
		for _, code := range []int16{topicDenied, 10} {
			h.behind.ControlKey(keyFetch, func(req kmsg.Request) (kmsg.Response, error, bool) {
				r := req.ResponseKind().(*kmsg.FetchResponse)
				r.Topics = []kmsg.FetchResponseTopic{{Topic: "orders", TopicID: id, Partitions: []kmsg.FetchResponseTopicPartition{{ErrorCode: code}}}}
				return r, nil, true
			})
			h.log.allowed()
			q := fetchOf(version, "orders")
			if version >= api.FetchIDs {
				q.Topics[0].Topic, q.Topics[0].TopicID = "", id
			}
			r := b.ask(q).(*kmsg.FetchResponse)
			if r.Topics[0].Partitions[0].ErrorCode != code {
				t.Errorf("version %d: %+v", version, r)
			}
			if audited := h.log.upstream(); (audited == 1) != (code == topicDenied) {
				t.Errorf("version %d, error %d: %d events", version, code, audited)
			}
		}
	}
}

// TestProduceAnswersName: neither new leaders nor words tell where brokers are, of
// a Produce that passes and of one that is partly refused.
func TestProduceAnswersName(t *testing.T) {
	h := build(t, alice())
	const notLeader = 6
	replies(h, func(r *kmsg.ProduceResponse) {
		r.Topics = []kmsg.ProduceResponseTopic{{Topic: "orders", Partitions: []kmsg.ProduceResponseTopicPartition{{
			ErrorCode: notLeader, ErrorMessage: kmsg.StringPtr("ask " + upstreamHost + ":19092"), CurrentLeader: kmsg.ProduceResponseTopicPartitionCurrentLeader{LeaderID: 1, LeaderEpoch: 2},
			ErrorRecords: []kmsg.ProduceResponseTopicPartitionErrorRecord{{ErrorMessage: kmsg.StringPtr("from " + upstreamHost + ":19092")}},
		}}}}
		r.Brokers = []kmsg.ProduceResponseBroker{{NodeID: 1, Host: upstreamHost, Port: 19092}}
	})
	_, port, _ := h.addresses.Addr(lkc, 1)
	for version := rules[keyProduce].min; version <= 12; version++ {
		for _, q := range []*kmsg.ProduceRequest{produceOf(version, "orders"), produceOf(version, "orders", "secret")} {
			r := h.loggedIn("alice", 0).ask(q).(*kmsg.ProduceResponse)
			p := r.Topics[0].Partitions[0]
			if p.ErrorCode != notLeader || version >= 8 && (len(p.ErrorRecords) != 1 || *p.ErrorMessage != "ask "+api.HiddenAddress || *p.ErrorRecords[0].ErrorMessage != "from "+api.HiddenAddress) {
				t.Errorf("version %d: %+v", version, p)
			}
			if version >= 10 && (p.CurrentLeader.LeaderID != 1 || len(r.Brokers) != 1 || r.Brokers[0].Host != "127.0.0.1" || r.Brokers[0].Port != port) {
				t.Errorf("version %d: %+v, %+v", version, p.CurrentLeader, r.Brokers)
			}
		}
	}
	h.seen.mu.Lock()
	defer h.seen.mu.Unlock()
	if strings.Contains(h.seen.bytes.String(), upstreamHost) {
		t.Error("where a broker is reached a client")
	}
}

// TestProduceTwice: a topic that stands twice in a request is decided twice and
// answered twice.
func TestProduceTwice(t *testing.T) {
	h := build(t, alice())
	node, _ := h.leader("orders")
	records := recordBatch(t, h)
	broker := sees[*kmsg.ProduceRequest](h, keyProduce)
	q := produceOf(9, "secret", "orders", "secret")
	for i := range q.Topics {
		q.Topics[i].Partitions[0].Records = records
	}
	q.Topics[2].Partitions[0].Partition = 1
	r := h.loggedIn("alice", node).ask(q).(*kmsg.ProduceResponse)
	var got []string
	for _, topic := range r.Topics {
		for _, p := range topic.Partitions {
			got = append(got, topic.Topic+string(rune('0'+p.Partition))+map[int16]string{0: "ok", topicDenied: "no"}[p.ErrorCode])
		}
	}
	if slices.Sort(got); !slices.Equal(got, []string{"orders0ok", "secret0no", "secret1no"}) {
		t.Errorf("%q", got)
	}
	if saw := broker.take(t); len(saw) != 1 || len(saw[0].Topics) != 1 || saw[0].Topics[0].Topic != "orders" {
		t.Errorf("the broker saw %+v", saw)
	}
}

// TestAcksZeroOnTheWire: the connection ends, also for a version that is not
// served; nothing is answered and nothing reaches the broker.
func TestAcksZeroOnTheWire(t *testing.T) {
	h := build(t, alice())
	broker := sees[*kmsg.ProduceRequest](h, keyProduce)
	for _, q := range []*kmsg.ProduceRequest{produceOf(9, "secret"), produceOf(9, "orders", "secret"), produceOf(2, "orders")} {
		q.Acks = 0
		h.loggedIn("alice", 0).dies(q)
	}
	if saw := broker.take(t); len(saw) != 0 {
		t.Errorf("the broker saw %+v", saw)
	}
	if got := h.log.refusals(); !slices.Equal(got, []string{"kafka.Produce Write Topic secret", "kafka.Produce Write Topic secret"}) {
		t.Errorf("%q", got)
	}
}

// TestSecurity_21_MadeUpIDs: ids of no topic cost the cluster little, however
// many there are in a request.
func TestSecurity_21_MadeUpIDs(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("alice", 0)
	broker := sees[*kmsg.MetadataRequest](h, keyMetadata)
	q := fetchOf(13)
	for i := range 2000 {
		topic := fetchOf(13, "").Topics[0]
		topic.TopicID = [16]byte{9, byte(i >> 8), byte(i)}
		q.Topics = append(q.Topics, topic)
	}
	r := b.ask(q).(*kmsg.FetchResponse)
	for _, topic := range r.Topics {
		if topic.Partitions[0].ErrorCode != unknownTopicID {
			t.Fatalf("%+v", topic)
		}
	}
	if n := len(broker.take(t)); len(r.Topics) != 2000 || n > mostMissed {
		t.Errorf("%d topics, %d questions", len(r.Topics), n)
	}
}

// TestWaitingRequestsAreCut: at the session's end nobody waits for a Fetch or for
// a group to form, and everybody else's answer is delivered.
func TestWaitingRequestsAreCut(t *testing.T) {
	h := build(t, alice())
	for key, r := range rules {
		s := h.session("admin")
		req := decidable(key, min(r.max, 9))
		if !s.offer.has(key, req.GetVersion()) {
			req.SetVersion(s.offer.spans[key].max)
		}
		plan, err := s.Plan(h.ctx(), frame(t, req))
		if err != nil {
			t.Fatal(err)
		}
		if waits := key == keyFetch || key == 11 || key == 14 || key == 78; plan.Drop != waits {
			t.Errorf("%s: dropped at the end: %v", nameOf(key), plan.Drop)
		}
	}
}

// TestOffsetForLeaderEpoch: the one version that librdkafka speaks is served,
// with a decision about each topic.
func TestOffsetForLeaderEpoch(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	s.offer = makeOffer(newEverything().versions)
	for version := int16(2); version <= 4; version++ {
		q := kmsg.NewPtrOffsetForLeaderEpochRequest()
		q.Version = version
		for _, name := range []string{"orders", "secret"} {
			q.Topics = append(q.Topics, kmsg.OffsetForLeaderEpochRequestTopic{Topic: name, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{Partition: 1}}})
		}
		p, err := s.Plan(h.ctx(), frame(t, q))
		if err != nil || p.Verdict != relay.Send {
			t.Fatalf("version %d: %+v, %v", version, p, err)
		}
		f, err := kafka.ParseFrame(p.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sent := kmsg.NewPtrOffsetForLeaderEpochRequest()
		sent.Version = version
		if err := sent.ReadFrom(f.Body()); err != nil || len(sent.Topics) != 1 || sent.Topics[0].Topic != "orders" {
			t.Errorf("version %d: %+v, %v", version, sent, err)
		}
		resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
		resp.Version = version
		b, err := p.Edit(resp.AppendTo(kafka.ResponseHeader(nil, 23, version, 7)))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := readResponse(23, version, b)
		if err != nil {
			t.Fatal(err)
		}
		if topics := got.(*kmsg.OffsetForLeaderEpochResponse).Topics; len(topics) != 1 || topics[0].Topic != "secret" || topics[0].Partitions[0].ErrorCode != topicDenied ||
			topics[0].Partitions[0].Partition != 1 || topics[0].Partitions[0].EndOffset != -1 {
			t.Errorf("version %d: %+v", version, topics)
		}
	}
}
