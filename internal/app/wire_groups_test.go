package app

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestWireIDs_Groups: a member that says it owns a partition of a hidden topic is
// neither given it nor told its name, and a group with such a topic in it is
// blank to who may not describe that (KIP-848).
func TestWireIDs_Groups(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	secret, eu := h.topicID("secret"), h.topicID("orders.eu")
	owner, admin := h.client0("owner"), h.client0("admin")
	for version := int16(0); version <= h.offered()[68][1]; version++ {
		group := "orders-" + string('0'+rune(version))
		join := heartbeatOf(version, group, "orders.eu")
		join.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		r := owner.must(t, join).(*kmsg.ConsumerGroupHeartbeatResponse)
		if r.ErrorCode != 0 {
			t.Fatalf("version %d: %+v", version, r)
		}
		claim := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		claim.Version, claim.Group, claim.MemberID, claim.MemberEpoch = version, group, *r.MemberID, r.MemberEpoch
		claim.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{{TopicID: secret, Partitions: []int32{0}}, {TopicID: eu, Partitions: []int32{0}}}
		raw := owner.raw(t, claim)
		h.toldByID(t, "ConsumerGroupHeartbeat", raw)
		if strings.Contains(raw, string(secret[:])) {
			t.Errorf("version %d: the member is given what it claims: %q", version, raw)
		}
		other := heartbeatOf(version, group, "secret")
		other.MemberID, other.Topics = "member-of-the-wire-2", []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		if r := admin.must(t, other).(*kmsg.ConsumerGroupHeartbeatResponse); r.ErrorCode != 0 {
			t.Fatalf("version %d: %+v", version, r)
		}
		h.blank(t, group, secret)
	}
}

// blank wants a group to show nothing to pool-owner, and all to pool-admin.
func (h *tapped) blank(t *testing.T, group string, hidden [16]byte) {
	t.Helper()
	for version := int16(0); version <= h.offered()[69][1]; version++ {
		q := kmsg.NewPtrConsumerGroupDescribeRequest()
		q.Version, q.Groups = version, []string{group}
		raw := h.client0("owner").raw(t, q)
		h.toldByID(t, "ConsumerGroupDescribe", raw)
		g := read[*kmsg.ConsumerGroupDescribeResponse](t, q, raw).Groups[0]
		if g.ErrorCode != deniedTopic || len(g.Members) > 0 || strings.Contains(raw, string(hidden[:])) {
			t.Errorf("ConsumerGroupDescribe %d: %+v", version, g)
		}
		if g := h.client0("admin").must(t, q).(*kmsg.ConsumerGroupDescribeResponse).Groups[0]; g.ErrorCode != 0 || len(g.Members) != 2 {
			t.Errorf("ConsumerGroupDescribe %d, by an administrator: %+v", version, g)
		}
	}
}

// TestWireIDs_Lookups: an id that means nothing is looked up once a second, and
// one that klamm knows never again.
func TestWireIDs_Lookups(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w := h.client0("owner")
	for name, id := range map[string][16]byte{"an id of nothing": {0xbe, 0xef}, "a topic": h.topicID("orders.eu"), "a hidden topic": h.topicID("secret"), "zeros": {}} {
		h.up.take()
		began := time.Now()
		for range 20 {
			w.must(t, fetchIDs(13, id))
		}
		lookups := 0
		for _, p := range h.up.take() {
			if p.own && p.key == 3 {
				lookups++
			}
		}
		most := 1
		switch name {
		case "zeros":
			most = 0
		case "an id of nothing":
			most += int(time.Since(began) / time.Second)
		}
		if lookups > most {
			t.Errorf("%s: %d look-ups", name, lookups)
		}
	}
}

// TestWireIDs_ShareAcknowledge: an acknowledgement has an answer for each topic,
// and one that is refused is told no name.
func TestWireIDs_ShareAcknowledge(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w, nowhere := h.client0("owner"), [16]byte{0xde, 0xad}
	eu, secret, reserved := h.topicID("orders.eu"), h.topicID("secret"), h.topicID("__klamm_state")
	for version := int16(1); version <= h.offered()[79][1]; version++ {
		if r := w.must(t, shareFetch(version, "orders-s", eu)).(*kmsg.ShareFetchResponse); r.ErrorCode != 0 {
			t.Fatalf("%+v", r)
		}
		q := kmsg.NewPtrShareAcknowledgeRequest()
		q.Version, q.GroupID, q.MemberID, q.ShareSessionEpoch = version, kmsg.StringPtr("orders-s"), kmsg.StringPtr(shareMember), 1
		for _, id := range [][16]byte{secret, eu, nowhere, reserved} {
			q.Topics = append(q.Topics, kmsg.ShareAcknowledgeRequestTopic{TopicID: id, Partitions: []kmsg.ShareAcknowledgeRequestTopicPartition{{
				AcknowledgementBatches: []kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch{{AcknowledgeTypes: []int8{1}}},
			}}})
		}
		h.up.take()
		raw := w.raw(t, q)
		h.toldByID(t, "ShareAcknowledge", raw)
		got := map[[16]byte]int16{}
		for _, topic := range read[*kmsg.ShareAcknowledgeResponse](t, q, raw).Topics {
			got[topic.TopicID] = topic.Partitions[0].ErrorCode
		}
		if _, answered := got[eu]; len(got) != 4 || !answered || got[secret] != deniedTopic || got[reserved] != deniedTopic || got[nowhere] != unknownID {
			t.Errorf("version %d: %v", version, got)
		}
		for _, p := range h.up.take() {
			if !p.own && (strings.Contains(p.body, string(secret[:])) || strings.Contains(p.body, string(reserved[:]))) {
				t.Errorf("version %d: the broker is asked %v", version, p)
			}
		}
	}
}
