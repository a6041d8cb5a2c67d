package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// TestShareGroup: two programs with a role for one topic and one group share its
// records, each of them once, and somebody without gets none.
func TestShareGroup(t *testing.T) {
	h := build(t, alice())
	h.fromTheBeginning("orders-share")
	const most = 50
	producer := h.client("alice")
	for i := range most {
		if err := producer.ProduceSync(h.ctx(), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	shares := func(token string) *kgo.Client {
		return h.client(token, kgo.ConsumeTopics("orders"), kgo.ShareGroup("orders-share"), kgo.ShareMaxRecords(5))
	}
	var (
		ctx, done = context.WithCancel(h.ctx())
		polls     sync.WaitGroup
		mu        sync.Mutex
		got       = map[string]int{}
	)
	for range 2 {
		cl := shares("alice")
		polls.Go(func() {
			for ctx.Err() == nil {
				fs := cl.PollFetches(ctx)
				if err := fs.Err(); err != nil && ctx.Err() == nil {
					t.Error(err)
					done()
				}
				mu.Lock()
				fs.EachRecord(func(r *kgo.Record) {
					got[string(r.Value)]++
					r.Ack(kgo.AckAccept)
				})
				if len(got) == most {
					done()
				}
				mu.Unlock()
			}
		})
	}
	polls.Wait()
	done()
	for value, n := range got {
		if n != 1 {
			t.Errorf("record %s came %d times", value, n)
		}
	}
	if len(got) != most {
		t.Errorf("%d records of %d", len(got), most)
	}
	fs := shares("nobody").PollFetches(h.ctx())
	if err := fs.Err(); err == nil || len(fs.Records()) != 0 {
		t.Errorf("somebody without rights: %v, %d records", err, len(fs.Records()))
	}
}

// fromTheBeginning has a share group read what was there before it.
func (h *house) fromTheBeginning(group string) {
	h.t.Helper()
	q := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	r.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "share.auto.offset.reset", Value: kmsg.StringPtr("earliest")}}
	q.Resources = append(q.Resources, r)
	resp, err := h.cluster.Request(h.ctx(), relay.Bootstrap, q)
	if err != nil {
		h.t.Fatal(err)
	}
	if code := resp.(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode; code != 0 {
		h.t.Fatalf("configuration of the group: error %d", code)
	}
}

// sharing is a member of a share group on a connection, without the connection.
type sharing struct {
	t testing.TB
	h *house
	*session
	group, member string
	epoch         int32
	ids           map[string][16]byte
}

func (h *house) shares(token string) *sharing {
	s := &sharing{h.t, h, h.session(token), "orders-share", "m-1", 0, map[string][16]byte{"none": {9}}}
	s.offer = makeOffer(newEverything().versions)
	for _, name := range []string{"orders", "orders.eu", "secret", ownTopic} {
		_, s.ids[name] = h.leader(name)
	}
	return s
}

func (s *sharing) topic(name string, partitions ...int32) kmsg.ShareFetchRequestTopic {
	t := kmsg.ShareFetchRequestTopic{TopicID: s.ids[name]}
	for _, n := range partitions {
		t.Partitions = append(t.Partitions, kmsg.ShareFetchRequestTopicPartition{Partition: n, PartitionMaxBytes: 1000 + n})
	}
	return t
}

func (s *sharing) acknowledging(name string, partitions ...int32) kmsg.ShareFetchRequestTopic {
	t := s.topic(name, partitions...)
	for i := range t.Partitions {
		t.Partitions[i].AcknowledgementBatches = []kmsg.ShareFetchRequestTopicPartitionAcknowledgementBatch{{LastOffset: 3, AcknowledgeTypes: []int8{1}}}
	}
	return t
}

func (s *sharing) request(epoch int32, topics ...kmsg.ShareFetchRequestTopic) *kmsg.ShareFetchRequest {
	q := kmsg.NewPtrShareFetchRequest()
	q.Version, q.GroupID, q.MemberID, q.ShareSessionEpoch, q.Topics = 2, &s.group, &s.member, epoch, topics
	return q
}

// sent plans a request that goes upstream and gives what the broker gets of it.
func sent[Q kmsg.Request](s *sharing, req Q) (Q, relay.Plan) {
	s.t.Helper()
	p, err := s.Plan(s.h.ctx(), frame(s.t, req))
	if err != nil || p.Verdict != relay.Send {
		s.t.Fatalf("%+v, %v", p, err)
	}
	f, err := kafka.ParseFrame(p.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	got := kmsg.RequestForKey(req.Key())
	got.SetVersion(req.GetVersion())
	if err := got.ReadFrom(f.Body()); err != nil {
		s.t.Fatal(err)
	}
	return got.(Q), p
}

// told is what the client reads of a broker's answer.
func told[R kmsg.Response](s *sharing, p relay.Plan, resp R) R {
	s.t.Helper()
	b, err := p.Edit(resp.AppendTo(kafka.ResponseHeader(nil, resp.Key(), resp.GetVersion(), 7)))
	if err != nil {
		s.t.Fatal(err)
	}
	got, _, err := readResponse(resp.Key(), resp.GetVersion(), b)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.(R)
}

// partitions are those of a list as "topic/partition", sorted.
func (s *sharing) partitions(visit func(each func(id [16]byte, partition int32, note string))) string {
	var list []string
	visit(func(id [16]byte, partition int32, note string) {
		for name, known := range s.ids {
			if known == id {
				list = append(list, fmt.Sprint(name, "/", partition, note))
			}
		}
	})
	slices.Sort(list)
	return strings.Join(list, " ")
}

// fetches wants of a request that the broker is asked for some partitions and told to
// forget others, and that the client reads errors for the rest.
func (s *sharing) fetches(q *kmsg.ShareFetchRequest, asked, forgotten, refused string) {
	s.t.Helper()
	got, p := sent(s, q)
	gotAsked := s.partitions(func(each func([16]byte, int32, string)) {
		for _, t := range got.Topics {
			for _, p := range t.Partitions {
				each(t.TopicID, p.Partition, map[bool]string{true: "+"}[len(p.AcknowledgementBatches) > 0])
			}
		}
	})
	gotForgotten := s.partitions(func(each func([16]byte, int32, string)) {
		for _, t := range got.ForgottenTopicsData {
			for _, p := range t.Partitions {
				each(t.TopicID, p, "")
			}
		}
	})
	resp := kmsg.NewPtrShareFetchResponse()
	resp.Version = q.Version
	answer := told(s, p, resp)
	gotRefused := s.partitions(func(each func([16]byte, int32, string)) {
		for _, t := range answer.Topics {
			for _, p := range t.Partitions {
				each(t.TopicID, p.Partition, fmt.Sprint(":", p.ErrorCode, map[bool]string{true: "+"}[p.AcknowledgeErrorCode == p.ErrorCode]))
			}
		}
	})
	if gotAsked != asked || gotForgotten != forgotten || gotRefused != refused || got.ShareSessionEpoch != q.ShareSessionEpoch || got.MaxBytes > heldBytes {
		s.t.Errorf("epoch %d: asked %q, forgotten %q, refused %q\nwant %q, %q, %q", q.ShareSessionEpoch, gotAsked, gotForgotten, gotRefused, asked, forgotten, refused)
	}
}

// isUnknown wants nothing but the advice to begin anew.
func (s *sharing) isUnknown(req kmsg.Request) {
	s.t.Helper()
	p, err := s.Plan(s.h.ctx(), frame(s.t, req))
	if err != nil {
		s.t.Fatal(err)
	}
	switch r := answer(s.t, req, p).(type) {
	case *kmsg.ShareFetchResponse:
		if r.ErrorCode != shareSessionUnknown || len(r.Topics) != 0 {
			s.t.Errorf("%+v", r)
		}
	case *kmsg.ShareAcknowledgeResponse:
		if r.ErrorCode != shareSessionUnknown || len(r.Topics) != 0 {
			s.t.Errorf("%+v", r)
		}
	}
}

// TestRightsInAShareSession: what is refused is not asked of the broker, what was
// taken away is forgotten there, what was given back is asked for again; the client
// finds an error at each partition that it waits for.
func TestRightsInAShareSession(t *testing.T) {
	h := build(t, alice())
	s := h.shares("alice")
	s.fetches(s.request(0, s.topic("orders", 0, 1), s.topic("secret", 0), s.topic("none", 4)), "orders/0 orders/1", "", "none/4:100 secret/0:29")
	s.fetches(s.request(1), "", "", "none/4:100 secret/0:29")
	s.fetches(s.request(2, s.acknowledging("orders", 1), s.acknowledging("secret", 0), s.topic("orders.eu", 1)), "orders.eu/1 orders/1+", "", "none/4:100 secret/0:29+")

	h.people.bind(t, append(alice()[2:], binding("alice", "DeveloperRead", iam.Topic, "orders.eu"), binding("alice", "DeveloperRead", iam.Topic, "secret"))...)
	s.fetches(s.request(3, s.acknowledging("orders", 0)), "secret/0", "orders/0 orders/1", "none/4:100 orders/0:29+ orders/1:29")
	s.fetches(s.request(4, s.topic("orders", 0)), "", "", "none/4:100 orders/0:29 orders/1:29")
	h.people.bind(t, alice()...)
	s.fetches(s.request(5, s.topic("orders", 0)), "orders/0 orders/1", "secret/0", "none/4:100 secret/0:29")

	// What the client forgets is no error any more.
	q := s.request(6)
	q.ForgottenTopicsData = []kmsg.ShareFetchRequestForgottenTopicsData{
		{TopicID: s.ids["secret"], Partitions: []int32{0}}, {TopicID: s.ids["none"], Partitions: []int32{4, 5}}, {TopicID: s.ids["orders"], Partitions: []int32{1}},
	}
	s.fetches(q, "", "none/4 none/5 orders/1 secret/0", "")
	if s.shared.partitions != 2 || len(s.shared.topics) != 2 {
		t.Errorf("%d partitions of %d topics are kept", s.shared.partitions, len(s.shared.topics))
	}
	// The last one acknowledges only.
	s.fetches(s.request(-1, s.acknowledging("orders", 0), s.acknowledging("secret", 0)), "orders/0+", "", "secret/0:29+")
	s.isUnknown(s.request(7))

	// Of nothing that is allowed a session is opened too: the epoch goes on.
	s.fetches(s.request(0, s.topic("secret", 1)), "", "", "secret/1:29")
	s.fetches(s.request(1, s.topic("orders", 1)), "orders/1", "", "secret/1:29")

	acknowledge := kmsg.NewPtrShareAcknowledgeRequest()
	acknowledge.Version, acknowledge.GroupID, acknowledge.MemberID, acknowledge.ShareSessionEpoch = 2, &s.group, &s.member, 2
	for _, name := range []string{"secret", "orders"} {
		acknowledge.Topics = append(acknowledge.Topics, kmsg.ShareAcknowledgeRequestTopic{TopicID: s.ids[name], Partitions: make([]kmsg.ShareAcknowledgeRequestTopicPartition, 1)})
	}
	got, p := sent(s, acknowledge)
	resp := kmsg.NewPtrShareAcknowledgeResponse()
	resp.Version = 2
	r := told(s, p, resp)
	if len(got.Topics) != 1 || got.Topics[0].TopicID != s.ids["orders"] || len(r.Topics) != 1 || r.Topics[0].TopicID != s.ids["secret"] || r.Topics[0].Partitions[0].ErrorCode != topicDenied {
		t.Errorf("the broker saw %+v, the client %+v", got.Topics, r.Topics)
	}
	acknowledge.Topics, acknowledge.ShareSessionEpoch = acknowledge.Topics[:1], 3
	if got, _ := sent(s, acknowledge); len(got.Topics) != 0 {
		t.Errorf("the broker saw %+v", got.Topics)
	}
	acknowledge.ShareSessionEpoch = -1
	sent(s, acknowledge)
	acknowledge.ShareSessionEpoch = 4
	s.isUnknown(acknowledge)
}

// TestSecurity_21_StolenShareSession: the broker knows a session by group and member
// alone. A connection that did not open it does not get on with it; one that opens
// another under the same names, and guesses the epoch of the owner's next, finds no
// record of a topic that it may not read in the answer.
func TestSecurity_21_StolenShareSession(t *testing.T) {
	h := build(t, append(alice(), binding("eve", "DeveloperRead", iam.Group, "orders-*"), binding("eve", "DeveloperRead", iam.Topic, "orders.eu")))
	owner, thief := h.shares("alice"), h.shares("eve")
	owner.fetches(owner.request(0, owner.topic("orders", 0)), "orders/0", "", "")
	for _, epoch := range []int32{1, 2, 1<<31 - 1, -1, -2, -1 << 31} {
		thief.isUnknown(thief.request(epoch))
		thief.isUnknown(thief.request(epoch, thief.topic("orders.eu", 0)))
		q := kmsg.NewPtrShareAcknowledgeRequest()
		q.Version, q.GroupID, q.MemberID, q.ShareSessionEpoch = 2, &thief.group, &thief.member, epoch
		thief.isUnknown(q)
	}
	thief.fetches(thief.request(0, thief.topic("orders.eu", 0)), "orders.eu/0", "", "")
	_, p := sent(thief, thief.request(1))
	resp := kmsg.NewPtrShareFetchResponse()
	resp.Version = 2
	for _, name := range []string{"orders", "orders.eu", ownTopic, "none"} {
		resp.Topics = append(resp.Topics, kmsg.ShareFetchResponseTopic{TopicID: thief.ids[name], Partitions: []kmsg.ShareFetchResponseTopicPartition{{Records: []byte("records of " + name)}}})
	}
	if r := told(thief, p, resp); len(r.Topics) != 1 || r.Topics[0].TopicID != thief.ids["orders.eu"] {
		t.Errorf("the thief reads %+v", r.Topics)
	}
	// Nor is another member's, or another group's, this connection's own.
	thief.member = "m-2"
	thief.isUnknown(thief.request(2))
	thief.member, thief.group = "m-1", "orders-other"
	thief.isUnknown(thief.request(2))
	thief.group = "hidden"
	for _, epoch := range []int32{0, 2} {
		q := thief.request(epoch, thief.topic("orders.eu", 0))
		p, err := thief.Plan(h.ctx(), frame(t, q))
		if err != nil {
			t.Fatal(err)
		}
		if r := answer(t, q, p).(*kmsg.ShareFetchResponse); r.ErrorCode != groupDenied || len(r.Topics) != 0 {
			t.Errorf("%+v", r)
		}
	}
}

// TestShareRequestsWithoutNames: neither group nor member is an invalid request, as
// in Kafka.
func TestShareRequestsWithoutNames(t *testing.T) {
	s := build(t, alice()).shares("alice")
	for _, q := range []*kmsg.ShareFetchRequest{s.request(0, s.topic("orders", 0)), s.request(1)} {
		for _, empty := range []func(){func() { q.GroupID = nil }, func() { q.GroupID, q.MemberID = &s.group, nil }} {
			empty()
			p, err := s.Plan(s.h.ctx(), frame(t, q))
			if err != nil {
				t.Fatal(err)
			}
			if r := answer(t, q, p).(*kmsg.ShareFetchResponse); r.ErrorCode != invalidRequest {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestLargeShareSession: what a connection keeps is bounded.
func TestLargeShareSession(t *testing.T) {
	s := build(t, alice()).shares("alice")
	q := s.request(0)
	for i := range keptPartitions/1000 + 1 {
		topic := kmsg.ShareFetchRequestTopic{TopicID: [16]byte{8, byte(i)}}
		for n := range int32(1000) {
			topic.Partitions = append(topic.Partitions, kmsg.ShareFetchRequestTopicPartition{Partition: n})
		}
		q.Topics = append(q.Topics, topic)
	}
	p, err := s.Plan(s.h.ctx(), frame(t, q))
	if err != nil {
		t.Fatal(err)
	}
	if r := answer(t, q, p).(*kmsg.ShareFetchResponse); r.ErrorCode != shareSessionLimit || s.shared.open || s.shared.partitions != 0 {
		t.Errorf("%+v", r)
	}
}
