package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topics that are named by id (KIP-516), in every request that can.

// byIDs is a request that names topics by id, and what its answer says of each.
type byIDs struct {
	key, first int16
	about      func(version int16, ids [][16]byte) kmsg.Request
	codes      func(kmsg.Response, func(id [16]byte, code int16))
	// Codes of a topic that is allowed, of the id that is all zeros, and of one that
	// was deleted.
	allowed, zero, gone int16
}

const (
	deniedTopic    = 29
	unknownID      = 100
	inconsistentID = 103 // of a partition that has another now, in a fetch session
)

// requestsByID are all but DeleteTopics, which has a test of its own.
var requestsByID = []byIDs{
	{key: 0, first: 13, allowed: 2, zero: unknownID, gone: unknownID, // the records are none
		about: func(version int16, ids [][16]byte) kmsg.Request {
			q := produceOf(version, nil)
			for _, id := range ids {
				q.Topics = append(q.Topics, kmsg.ProduceRequestTopic{TopicID: id, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("x")}}})
			}
			return q
		},
		codes: func(r kmsg.Response, tell func([16]byte, int16)) {
			for _, t := range r.(*kmsg.ProduceResponse).Topics {
				tell(t.TopicID, t.Partitions[0].ErrorCode)
			}
		}},
	{key: 1, first: 13, zero: unknownID, gone: unknownID,
		about: func(version int16, ids [][16]byte) kmsg.Request { return fetchIDs(version, ids...) },
		codes: func(r kmsg.Response, tell func([16]byte, int16)) {
			for _, t := range r.(*kmsg.FetchResponse).Topics {
				tell(t.TopicID, t.Partitions[0].ErrorCode)
			}
		}},
	{key: 3, first: metadataByID, zero: 42, gone: unknownID, // neither a name nor an id
		about: func(version int16, ids [][16]byte) kmsg.Request {
			q := metadataOf()
			q.Version = version
			for _, id := range ids {
				q.Topics = append(q.Topics, kmsg.MetadataRequestTopic{TopicID: id})
			}
			return q
		},
		codes: func(r kmsg.Response, tell func([16]byte, int16)) {
			for _, t := range r.(*kmsg.MetadataResponse).Topics {
				tell(t.TopicID, t.ErrorCode)
			}
		}},
	{key: 78, first: 1, zero: unknownID, gone: unknownID,
		about: func(version int16, ids [][16]byte) kmsg.Request { return shareFetch(version, "orders-s", ids...) },
		codes: func(r kmsg.Response, tell func([16]byte, int16)) {
			for _, t := range r.(*kmsg.ShareFetchResponse).Topics {
				tell(t.TopicID, t.Partitions[0].ErrorCode)
			}
		}},
	{key: 8, first: 10, zero: unknownID, gone: unknownID,
		about: func(version int16, ids [][16]byte) kmsg.Request { return commitIDs(version, ids...) },
		codes: func(r kmsg.Response, tell func([16]byte, int16)) {
			for _, t := range r.(*kmsg.OffsetCommitResponse).Topics {
				tell(t.TopicID, t.Partitions[0].ErrorCode)
			}
		}},
	{key: 9, first: 10, zero: unknownID, // no offset and no error when it is gone: the engine differs from Kafka
		about: func(version int16, ids [][16]byte) kmsg.Request {
			q := offsetsOf(version, []string{"orders-g"})
			for _, id := range ids {
				q.Groups[0].Topics = append(q.Groups[0].Topics, kmsg.OffsetFetchRequestGroupTopic{TopicID: id, Partitions: []int32{0}})
			}
			return q
		},
		codes: func(r kmsg.Response, tell func([16]byte, int16)) {
			for _, t := range r.(*kmsg.OffsetFetchResponse).Groups[0].Topics {
				tell(t.TopicID, t.Partitions[0].ErrorCode)
			}
		}},
}

func fetchIDs(version int16, ids ...[16]byte) *kmsg.FetchRequest {
	q := fetchOf(version, 0, make([]string, len(ids))...)
	for i, id := range ids {
		q.Topics[i].TopicID = id
	}
	return q
}

func commitIDs(version int16, ids ...[16]byte) *kmsg.OffsetCommitRequest {
	q := commitOf(version, "orders-g", make([]string, len(ids))...)
	for i, id := range ids {
		q.Topics[i].TopicID = id
	}
	return q
}

// TestWireIDs: each topic of a request has an answer of its own, under its id; one
// that is refused is told no name. Kafka's codes: what may not be used is denied,
// an id of nothing is unknown, for ids are no secret (KafkaApis.handleFetchRequest,
// handleProduceRequest, handleTopicMetadataRequest).
func TestWireIDs(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	none, nowhere := [16]byte{}, [16]byte{0xde, 0xad}
	allowed, denied, reserved := h.topicID("orders.eu"), h.topicID("secret"), h.topicID("__klamm_state")
	w := h.client0("owner")
	for _, n := range requestsByID {
		if spans[n.key][1] < n.first {
			t.Errorf("%s is offered up to %d", kmsg.NameForKey(n.key), spans[n.key][1])
		}
		for version := n.first; version <= spans[n.key][1]; version++ {
			what := fmt.Sprintf("%s %d", kmsg.NameForKey(n.key), version)
			want := map[[16]byte]int16{allowed: n.allowed, denied: deniedTopic, reserved: deniedTopic, nowhere: unknownID, none: n.zero}
			all := [][16]byte{denied, allowed, nowhere, none, reserved}
			for _, ids := range append([][][16]byte{all, {denied, reserved}}, eachAlone(all)...) {
				q := n.about(version, ids)
				h.up.take()
				raw := w.raw(t, q)
				h.toldByID(t, what, raw)
				got := map[[16]byte]int16{}
				n.codes(read[kmsg.Response](t, q, raw), func(id [16]byte, code int16) { got[id] = code })
				for _, id := range ids {
					if code, ok := got[id]; !ok || code != want[id] {
						t.Errorf("%s: error %d (%v) for %x, expected %d", what, code, ok, id, want[id])
					}
				}
				if len(got) != len(ids) {
					t.Errorf("%s: %d topics are answered of %d", what, len(got), len(ids))
				}
				for _, p := range h.up.take() {
					if !p.own && (strings.Contains(p.body, string(denied[:])) || strings.Contains(p.body, string(reserved[:])) || strings.Contains(p.body, string(nowhere[:]))) {
						t.Errorf("%s: the broker is asked %v", what, p)
					}
				}
			}
		}
	}
}

func eachAlone(ids [][16]byte) (list [][][16]byte) {
	for _, id := range ids {
		list = append(list, [][16]byte{id})
	}
	return list
}

// toldByID wants no name of a hidden topic in an answer.
func (h *house) toldByID(t *testing.T, what, raw string) {
	t.Helper()
	for _, name := range []string{"secret", "__klamm"} {
		if strings.Contains(raw, name) {
			t.Errorf("%s tells a name: %q", what, raw)
		}
	}
}

// TestWireIDs_Delete: DeleteTopics by id deletes what may be deleted, tells no
// name of the rest, and takes no topic both by name and by id.
func TestWireIDs_Delete(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	none, nowhere := [16]byte{}, [16]byte{0xde, 0xad}
	h.make(t, "orders.old")
	old, denied, reserved, kept := h.topicID("orders.old"), h.topicID("secret"), h.topicID("__klamm_state"), h.topicID("orders.eu")
	q := deleteOf(6)
	for _, id := range [][16]byte{denied, old, nowhere, reserved, none} {
		q.Topics = append(q.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: id})
	}
	q.Topics = append(q.Topics, kmsg.DeleteTopicsRequestTopic{TopicID: kept, Topic: kmsg.StringPtr("orders.eu")}, kmsg.DeleteTopicsRequestTopic{TopicID: denied, Topic: kmsg.StringPtr("orders")})
	raw := h.client0("owner").raw(t, q)
	h.toldByID(t, "DeleteTopics", raw)
	want := map[[16]byte][]int16{old: {0}, denied: {deniedTopic, 42}, reserved: {deniedTopic}, nowhere: {unknownID}, none: {42}, kept: {42}}
	for _, topic := range read[*kmsg.DeleteTopicsResponse](t, q, raw).Topics {
		codes := want[topic.TopicID]
		if len(codes) == 0 || codes[0] != topic.ErrorCode {
			t.Errorf("%+v", topic)
			continue
		}
		want[topic.TopicID] = codes[1:]
	}
	for id, left := range want {
		if len(left) > 0 {
			t.Errorf("%x is not answered", id)
		}
	}
	if h.exists("orders.old") || !h.exists("orders.eu") || !h.exists("orders") || !h.exists("secret") || !h.exists("__klamm_state") {
		t.Error("another topic than asked for was deleted")
	}
}

// make makes a topic and waits for it.
func (h *house) make(t *testing.T, name string) {
	t.Helper()
	if err := h.run.upstream.EnsureTopics(h.ctx(), map[string]int32{name: 1}); err != nil {
		t.Fatal(err)
	}
}

// again deletes a topic and makes one of the same name, past the gateway, and
// gives both ids.
func (h *house) again(t *testing.T, name string) (old, fresh [16]byte) {
	t.Helper()
	old = h.topicID(name)
	if r := behind[*kmsg.DeleteTopicsResponse](h, deleteOf(6, name)); r.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v", r)
	}
	h.make(t, name)
	if fresh = h.topicID(name); fresh == old {
		t.Fatal("the id is the old one")
	}
	return old, fresh
}

// TestWireIDs_Recreated: the id of a topic that was deleted is unknown, for that
// topic only, although klamm knows its name; the id of one that has the same name
// counts at once; and neither gives a right to the other.
func TestWireIDs_Recreated(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	spans := h.offered()
	h.make(t, "orders.new")
	eu, w := h.topicID("orders.eu"), h.client0("owner")
	for _, n := range requestsByID {
		for version := n.first; version <= spans[n.key][1]; version++ {
			what := fmt.Sprintf("%s %d", kmsg.NameForKey(n.key), version)
			ask := func(ids ...[16]byte) map[[16]byte]int16 {
				q, got := n.about(version, ids), map[[16]byte]int16{}
				raw := w.raw(t, q)
				h.toldByID(t, what, raw)
				n.codes(read[kmsg.Response](t, q, raw), func(id [16]byte, code int16) { got[id] = code })
				return got
			}
			if got := ask(h.topicID("orders.new")); len(got) != 1 { // klamm knows the name from now on
				t.Fatalf("%s: %v", what, got)
			}
			old, fresh := h.again(t, "orders.new")
			if got := ask(old, eu, fresh); len(got) != 3 || got[old] != n.gone || got[eu] != n.allowed || got[fresh] != n.allowed {
				t.Errorf("%s: error %d for the old id, %d for the new one, %d for another topic's", what, got[old], got[fresh], got[eu])
			}
			if got := ask(old); got[old] != n.gone {
				t.Errorf("%s: error %d for the old id alone", what, got[old])
			}
			hiddenOld, hiddenNew := h.again(t, "secret")
			if got := ask(hiddenOld, hiddenNew); got[hiddenNew] != deniedTopic || got[hiddenOld] != unknownID && got[hiddenOld] != deniedTopic {
				t.Errorf("%s: errors %v for a topic that is denied", what, got)
			}
		}
	}
	old, fresh := h.again(t, "orders.new")
	q := deleteOf(6)
	q.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: old}}
	if r := w.must(t, q).(*kmsg.DeleteTopicsResponse); r.Topics[0].ErrorCode != unknownID {
		t.Errorf("DeleteTopics of the old id: %+v", r.Topics)
	}
	if h.topicID("orders.new") != fresh {
		t.Error("the new topic was deleted by the old one's id")
	}
}

// TestWireIDs_RecreatedInSession: a fetch session goes on over a topic that was
// made again: the old id has its error, and the new one takes its place.
func TestWireIDs_RecreatedInSession(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	eu, w := h.topicID("orders.eu"), h.client0("owner")
	for version := int16(13); version <= h.offered()[1][1]; version++ {
		h.make(t, "orders.new")
		open := fetchIDs(version, h.topicID("orders.new"), eu)
		open.SessionEpoch = 0
		first := w.must(t, open).(*kmsg.FetchResponse)
		if first.ErrorCode != 0 || first.SessionID == 0 {
			t.Fatalf("version %d: %+v", version, first)
		}
		old, fresh := h.again(t, "orders.new")
		goOn := func(epoch int32, forget [][16]byte, add ...[16]byte) *kmsg.FetchResponse {
			q := fetchIDs(version, add...)
			q.SessionID, q.SessionEpoch = first.SessionID, epoch
			for _, id := range forget {
				f := kmsg.NewFetchRequestForgottenTopic()
				f.TopicID, f.Partitions = id, []int32{0}
				q.ForgottenTopics = append(q.ForgottenTopics, f)
			}
			return w.must(t, q).(*kmsg.FetchResponse)
		}
		r := goOn(1, nil)
		if r.ErrorCode != 0 || len(r.Topics) != 1 || r.Topics[0].TopicID != old || r.Topics[0].Partitions[0].ErrorCode != inconsistentID {
			t.Errorf("version %d: after the topic was made again: %+v", version, r)
		}
		if r = goOn(2, [][16]byte{old}, fresh); r.ErrorCode != 0 || r.SessionID != first.SessionID {
			t.Errorf("version %d: with the new id: %+v", version, r)
		}
		for _, topic := range r.Topics {
			if topic.TopicID != fresh || topic.Partitions[0].ErrorCode != 0 {
				t.Errorf("version %d: with the new id: %+v", version, topic)
			}
		}
		h.produce(t, "orders.new")
		if r = goOn(3, nil); r.ErrorCode != 0 || len(r.Topics) != 1 || r.Topics[0].TopicID != fresh || len(r.Topics[0].Partitions[0].RecordBatches) == 0 {
			t.Errorf("version %d: a record in the new topic: %+v", version, r)
		}
	}
}

// TestWireIDs_Forgotten: a session that forgets what it never had, hidden or not,
// goes on, and is told nothing of it.
func TestWireIDs_Forgotten(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w, eu := h.client0("owner"), h.topicID("orders.eu")
	for version := int16(13); version <= h.offered()[1][1]; version++ {
		open := fetchIDs(version, eu)
		open.SessionEpoch = 0
		session := w.must(t, open).(*kmsg.FetchResponse).SessionID
		q := fetchIDs(version)
		q.SessionID, q.SessionEpoch = session, 1
		for _, id := range [][16]byte{h.topicID("secret"), h.topicID("__klamm_state"), {0xde, 0xad}, {}} {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.TopicID, f.Partitions = id, []int32{0}
			q.ForgottenTopics = append(q.ForgottenTopics, f)
		}
		raw := w.raw(t, q)
		h.toldByID(t, "Fetch", raw)
		if r := read[*kmsg.FetchResponse](t, q, raw); r.ErrorCode != 0 || r.SessionID != session || len(r.Topics) > 1 || len(r.Topics) == 1 && r.Topics[0].TopicID != eu {
			t.Errorf("version %d: %+v", version, r)
		}
		h.produce(t, "orders.eu")
		q.SessionEpoch, q.ForgottenTopics = 2, nil
		if r := w.must(t, q).(*kmsg.FetchResponse); len(r.Topics) != 1 || r.Topics[0].TopicID != eu {
			t.Errorf("version %d, afterwards: %+v", version, r)
		}
	}
}

// TestWireIDs_AfterMany: however many ids of nothing stand before it in a
// request, a topic that klamm knows keeps its own answer.
func TestWireIDs_AfterMany(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w, eu := h.client0("owner"), h.topicID("orders.eu")
	w.must(t, fetchIDs(13, eu)) // klamm knows the name from now on
	for _, n := range requestsByID {
		var ids [][16]byte
		for i := range 150 {
			ids = append(ids, [16]byte{1, byte(i)})
		}
		got := int16(-1)
		n.codes(w.must(t, n.about(n.first, append(ids, eu))), func(id [16]byte, code int16) {
			if id == eu {
				got = code
			} else if code != unknownID {
				t.Errorf("%s: error %d for %x", kmsg.NameForKey(n.key), code, id)
			}
		})
		if got != n.allowed {
			t.Errorf("%s: error %d for a topic after %d ids of nothing", kmsg.NameForKey(n.key), got, len(ids))
		}
	}
}
