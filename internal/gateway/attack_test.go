package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/kafka/api"
	"github.com/klammhq/klamm/internal/relay"
)

func fetchOf(version int16, topics ...string) *kmsg.FetchRequest {
	q := kmsg.NewPtrFetchRequest()
	q.Version, q.ReplicaID, q.SessionEpoch, q.MaxWaitMillis, q.MaxBytes = version, -1, -1, 10, 1<<20
	for _, name := range topics {
		t := kmsg.NewFetchRequestTopic()
		p := kmsg.NewFetchRequestTopicPartition()
		p.PartitionMaxBytes = 1 << 20
		t.Topic, t.Partitions = name, append(t.Partitions, p)
		q.Topics = append(q.Topics, t)
	}
	return q
}

// leader is the node that leads partition 0 of a topic, and the topic's id.
func (h *house) leader(name string) (int32, [16]byte) {
	h.t.Helper()
	ask := kmsg.NewPtrMetadataRequest()
	ask.Version = 12
	ask.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
	resp, err := h.cluster.Request(h.ctx(), relay.Bootstrap, ask)
	if err != nil {
		h.t.Fatal(err)
	}
	found := resp.(*kmsg.MetadataResponse).Topics[0]
	for _, p := range found.Partitions {
		if p.Partition == 0 {
			return p.Leader, found.TopicID
		}
	}
	h.t.Fatalf("%s has no partition 0", name)
	return 0, found.TopicID
}

// TestSecurity_21_PosingAsAReplica: a replica id closes, in both places and
// whatever the role.
func TestSecurity_21_PosingAsAReplica(t *testing.T) {
	h := build(t, alice())
	for _, version := range []int16{4, 11, 12, 14, 15} {
		for _, id := range []int32{0, 3, -2, -3} {
			q := fetchOf(version)
			q.ReplicaID, q.ReplicaState.ID = id, id
			h.loggedIn("admin", 0).dies(q)
		}
	}
	hidden := fetchOf(14)
	hidden.ReplicaState.ID = -3
	h.loggedIn("admin", 0).dies(hidden)
	for _, id := range []int32{0, 3, -3} {
		l := kmsg.NewPtrListOffsetsRequest()
		l.Version, l.ReplicaID = 5, id
		h.loggedIn("admin", 0).dies(l)
		e := kmsg.NewPtrOffsetForLeaderEpochRequest()
		e.Version, e.ReplicaID = 3, id
		h.loggedIn("admin", 0).dies(e)
	}
	if n := len(h.log.refusals()); n != 5*4+1+2*3 {
		t.Errorf("%d attacks are audited", n)
	}
}

// TestReserved: klamm's own names are refused and hidden for every principal,
// by name and by id.
func TestReserved(t *testing.T) {
	h := build(t, alice())
	node, id := h.leader("__klamm_state")
	b := h.loggedIn("admin", node)

	all := kmsg.NewPtrMetadataRequest()
	all.Version, all.Topics = 12, nil
	for _, topic := range b.ask(all).(*kmsg.MetadataResponse).Topics {
		if strings.HasPrefix(*topic.Topic, iam.ReservedPrefix) {
			t.Errorf("%s is listed", *topic.Topic)
		}
	}
	named := kmsg.NewPtrMetadataRequest()
	named.Version = 12
	named.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("__klamm_state")}, {TopicID: id}, {Topic: kmsg.StringPtr("orders")}}
	r := b.ask(named).(*kmsg.MetadataResponse)
	codes := map[int16]int{}
	for _, topic := range r.Topics {
		codes[topic.ErrorCode]++
		if topic.ErrorCode == topicDenied && topic.TopicID != [16]byte{} && topic.Topic != nil {
			t.Errorf("a refusal by id says the name %s", *topic.Topic)
		}
	}
	if codes[topicDenied] != 2 || codes[0] != 1 {
		t.Errorf("codes %v", codes)
	}
	f := b.ask(fetchOf(12, "__klamm_state")).(*kmsg.FetchResponse)
	if f.Topics[0].Partitions[0].ErrorCode != topicDenied || len(f.Topics[0].Partitions[0].RecordBatches) != 0 {
		t.Errorf("by name: %+v", f)
	}
	byID := fetchOf(13, "")
	byID.Topics[0].TopicID = id
	if f := b.ask(byID).(*kmsg.FetchResponse); f.Topics[0].Partitions[0].ErrorCode != topicDenied || f.Topics[0].TopicID != id {
		t.Errorf("by id: %+v", f)
	}
	byID.Topics[0].TopicID = [16]byte{9}
	if f := b.ask(byID).(*kmsg.FetchResponse); f.Topics[0].Partitions[0].ErrorCode != unknownTopicID {
		t.Errorf("by an unknown id: %+v", f)
	}
	d := kmsg.NewPtrDeleteTopicsRequest()
	d.Version = 6
	d.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: id}, {Topic: kmsg.StringPtr("__klamm_state")}, {Topic: kmsg.StringPtr("orders"), TopicID: id}}
	got := b.ask(d).(*kmsg.DeleteTopicsResponse)
	for i, want := range []int16{topicDenied, topicDenied, invalidRequest} {
		if got.Topics[i].ErrorCode != want {
			t.Errorf("delete %d: error %d, want %d", i, got.Topics[i].ErrorCode, want)
		}
	}
	if got.Topics[0].Topic != nil {
		t.Errorf("a refusal by id says the name %s", *got.Topics[0].Topic)
	}
}

// TestInitProducerIdOfTheFuture: two-phase commit is not offered, and whoever
// asks for it anyway is answered in its own words and may go on.
func TestInitProducerIdOfTheFuture(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("admin", 0)
	for _, k := range b.ask(&kmsg.ApiVersionsRequest{Version: 3}).(*kmsg.ApiVersionsResponse).ApiKeys {
		if k.ApiKey == 22 && k.MaxVersion > 5 {
			t.Errorf("version %d is offered", k.MaxVersion)
		}
	}
	// Correlation id 7, client "x", no tags; id "tx", timeout, producer, epoch, two flags, no tags.
	body := "\x00\x16\x00\x06\x00\x00\x00\x07\x00\x01x\x00" + "\x03tx" + "\x00\x00\x27\x10" + strings.Repeat("\xff", 10) + "\x01\x00" + "\x00"
	if err := b.link.WriteBytes([]byte(body)); err != nil {
		t.Fatal(err)
	}
	a, err := b.link.Next()
	if err != nil {
		t.Fatal(err)
	}
	held, err := a.Hold(100)
	if err != nil {
		t.Fatal(err)
	}
	want := "\x00" + "\x00\x00\x00\x00" + "\x00\x23" + strings.Repeat("\xff", 20) + "\x00" // tags, throttle, 35, none twice, tags
	if got := string(held.Bytes[8:]); a.Correlation != 7 || got != want {
		t.Errorf("answered % x, expected % x", got, want)
	}
	b.ask(kmsg.NewPtrMetadataRequest())
}

// TestUnserved: a key or version that is not offered has UNSUPPORTED_VERSION in
// its own response and the connection stays; what is not known closes.
func TestUnserved(t *testing.T) {
	h := build(t, alice())
	b := h.loggedIn("admin", 0)
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		r, served := rules[key]
		if int(key) < len(own) && own[key].served {
			continue
		}
		for version := int16(0); version <= kmsg.RequestForKey(key).MaxVersion(); version++ {
			if served && r.min <= version && version <= r.max || key == 7 && version == 0 {
				continue
			}
			req := sample(key, version)
			if req == nil {
				continue
			}
			if q, ok := req.(*kmsg.ProduceRequest); ok {
				q.Acks = -1 // without acks there is no answer
			}
			if resp := b.ask(req); !api.HasCode(resp, unsupported) && (key != 35 || version > 2) {
				t.Errorf("%s %d: %+v", nameOf(key), version, resp)
			}
		}
	}
	for _, bytes := range [][]byte{
		{0, 200, 0, 0, 0, 0, 0, 7, 0xff, 0xff},               // a key that nobody knows
		{0xff, 0xff, 0, 0, 0, 0, 0, 7, 0xff, 0xff},           // a negative one
		{0, 3, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0},             // a version that nobody knows
		{0, 3, 0xff, 0xff, 0, 0, 0, 7, 0xff, 0xff},           // a negative one
		{0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0x7f, 0, 0},     // not a body
		{0, 12, 0, 4, 0, 0, 0, 7, 0xff, 0xff, 0, 1, 0, 0},    // a body that is cut
		{0, 3, 0, 1, 0, 0, 0},                                // a header that is cut
		{0, 3, 0, 1, 0, 0, 0, 7, 0, 99, 'x'},                 // a client id beyond the end
		{0, 12, 0, 4, 0, 0, 0, 7, 0xff, 0xff, 2, 1, 0, 0, 0}, // tags of the header that do not rise
	} {
		c := h.loggedIn("admin", 0)
		before := len(h.log.refusals())
		if err := c.link.WriteBytes(bytes); err != nil {
			t.Fatal(err)
		}
		if _, err := c.link.Next(); err == nil {
			t.Errorf("% x is answered", bytes)
		}
		if list := h.log.refusals(); len(list) != before+1 || !strings.HasPrefix(list[before], "kafka.") || strings.HasPrefix(list[before], "kafka. ") {
			t.Errorf("% x: audited as %q", bytes, list[before:])
		}
	}
}

// TestEventsOutliveTheFrame: what an event says of the client does not change
// when the buffer of its request is used again.
func TestEventsOutliveTheFrame(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	replica := fetchOf(12, "orders")
	replica.ReplicaID = 3
	alter := kmsg.NewPtrAlterConfigsRequest()
	alter.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "0"}}
	for _, req := range []kmsg.Request{replica, alter, fetchOf(12, "secret"), produceOf(9, "orders")} {
		h.log.allowed()
		f := frame(t, req)
		_, _ = s.Plan(h.ctx(), f)
		for i := range f.Bytes {
			f.Bytes[i] = 'x'
		}
		h.log.mu.Lock()
		for _, r := range h.log.records {
			if got := r.Event.Data.Request.ClientID; got != "test" || strings.Contains(strings.Join(r.Subjects, " "), "xx") || strings.Contains(r.Event.Data.AuthorizationInfo.ResourceName, "xx") {
				t.Errorf("%s: %q %q %q", nameOf(req.Key()), got, r.Subjects, r.Event.Data.AuthorizationInfo.ResourceName)
			}
		}
		if len(h.log.records) != 1 {
			t.Errorf("%s: %d events", nameOf(req.Key()), len(h.log.records))
		}
		h.log.mu.Unlock()
	}
	// The answer comes later still.
	refusedAnswer := kmsg.NewPtrProduceResponse()
	refusedAnswer.Version = 9
	refusedAnswer.Topics = []kmsg.ProduceResponseTopic{{Topic: "orders", Partitions: []kmsg.ProduceResponseTopicPartition{{ErrorCode: topicDenied}}}}
	for _, tt := range []struct {
		req  kmsg.Request
		resp kmsg.Response
	}{
		{&kmsg.HeartbeatRequest{Version: 4, Group: "orders-1"}, &kmsg.HeartbeatResponse{Version: 4, ErrorCode: groupDenied}},
		{produceOf(9, "orders"), refusedAnswer},
	} {
		key, version := tt.req.Key(), tt.req.GetVersion()
		f := frame(t, tt.req)
		p, err := s.Plan(h.ctx(), f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Bytes {
			f.Bytes[i] = 'x'
		}
		h.log.allowed()
		if _, err := p.Edit(tt.resp.AppendTo(kafka.ResponseHeader(nil, key, version, 7))); err != nil {
			t.Fatal(err)
		}
		h.log.mu.Lock()
		if len(h.log.records) != 1 || h.log.records[0].Event.Data.Request.ClientID != "test" || h.log.records[0].Event.Data.Request.CorrelationID != "7" {
			t.Errorf("%s: %+v", nameOf(key), h.log.records)
		}
		h.log.mu.Unlock()
	}
}

// TestAcksZero: there is no answer that could say no, so the connection ends.
func TestAcksZero(t *testing.T) {
	h := build(t, alice())
	s := h.session("alice")
	q := kmsg.NewPtrProduceRequest()
	q.Version, q.Acks = 9, 0
	q.Topics = []kmsg.ProduceRequestTopic{{Topic: "orders"}}
	if p, err := s.Plan(h.ctx(), frame(t, q)); err != nil || p.Verdict != relay.Pass || !p.NoReply {
		t.Errorf("%+v, %v", p, err)
	}
	q.Topics = append(q.Topics, kmsg.ProduceRequestTopic{Topic: "secret"})
	if p, err := s.Plan(h.ctx(), frame(t, q)); err == nil || p.Verdict != relay.Close {
		t.Errorf("%+v, %v", p, err)
	}
	if got := h.log.refusals(); !slices.Equal(got, []string{"kafka.Produce Write Topic secret"}) {
		t.Errorf("%q", got)
	}
}

// TestForgottenRule: a rule that decides nothing, or forgets to ask on one of its
// ways, lets nothing through and closes.
func TestForgottenRule(t *testing.T) {
	h := build(t, alice())
	s := h.session("admin")
	f := frame(t, &kmsg.HeartbeatRequest{Version: 4, Group: "orders-1"})
	if p, err := s.decoded(s.begin(h.ctx(), f), rule{}, f); err == nil || p.Verdict != relay.Close {
		t.Errorf("%+v, %v", p, err)
	}
	p, err := s.decoded(s.begin(h.ctx(), f), rule{decide: on(func(*call, *kmsg.HeartbeatRequest) {})}, f)
	if err == nil || p.Verdict != relay.Close {
		t.Errorf("a rule that forgets to ask: %+v, %v", p, err)
	}
}

// TestSessionEnded: whatever a client sends after its session has ended is
// closed, not decided.
func TestSessionEnded(t *testing.T) {
	h := build(t, alice())
	for key := range rules {
		s := h.session("admin")
		s.grant.Close()
		req := decidable(key, rules[key].max)
		if p, err := s.Plan(h.ctx(), frame(t, req)); err == nil || p.Verdict != relay.Close {
			t.Errorf("%s: %+v, %v", nameOf(key), p, err)
		}
	}
}
