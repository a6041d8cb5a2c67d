package app

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
)

// TestWirePages_TopicGone: a page that would begin with a topic which was deleted
// since begins with the next one, as in Kafka, where all topics are asked for
// (DescribeTopicPartitionsRequestHandler: the cursor need not be in an empty list).
func TestWirePages_TopicGone(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	h.make(t, "orders.mm")
	h.make(t, "orders.zz")
	seen := h.pages(t, "owner", func(cursor string) {
		if cursor == "orders.mm" {
			behind[*kmsg.DeleteTopicsResponse](h.house, deleteOf(6, cursor))
		}
	})
	if !slices.Equal(seen, []string{"orders 0", "orders 1", "orders.eu 0", "orders.zz 0"}) {
		t.Errorf("%q", seen)
	}
}

// TestWireInternal: Kafka's own topics are not made through klamm, even by who may
// create any topic: made with other partitions or cleanup than Kafka's they break
// all groups or transactions, and klamm lets nobody delete them.
func TestWireInternal(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	w := h.client0("admin")
	for _, name := range []string{"__consumer_offsets", "__transaction_state", "__share_group_state"} {
		for version := int16(0); version <= h.offered()[19][1]; version++ {
			q := kmsg.NewPtrCreateTopicsRequest()
			q.Version = version
			q.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: name, NumPartitions: 1, ReplicationFactor: 1}}
			if r := w.must(t, q).(*kmsg.CreateTopicsResponse); r.Topics[0].ErrorCode != deniedTopic {
				t.Errorf("CreateTopics %d of %s: error %d", version, name, r.Topics[0].ErrorCode)
			}
		}
		for version := int16(0); version <= lastMetadata; version++ {
			if r := w.must(t, namedTopic(version, name, true)).(*kmsg.MetadataResponse); r.Topics[0].ErrorCode != 3 {
				t.Errorf("Metadata %d of %s: error %d", version, name, r.Topics[0].ErrorCode)
			}
		}
		if h.exists(name) {
			t.Errorf("%s was created", name)
		}
	}
}

// TestWireTxn_RecordsWithoutID: records that say they are part of a transaction,
// in a request that names none, are refused (KafkaApis.handleProduceRequest), and
// it is not klamm's own user who lacks a right.
func TestWireTxn_RecordsWithoutID(t *testing.T) {
	t.Parallel()
	h := newTapped(t, houseOptions{})
	p := h.client0("owner").begin(t, "orders-tx")
	for version := int16(3); version <= h.offered()[0][1]; version++ {
		q := produceOf(version, nil, "orders")
		q.Topics[0].TopicID = h.topicID("orders")
		q.Topics[0].Partitions[0].Records = batchBy(p, "x")
		if r := h.client0("only").must(t, q).(*kmsg.ProduceResponse); r.Topics[0].Partitions[0].ErrorCode != deniedTxn {
			t.Errorf("Produce %d: %+v", version, r.Topics)
		}
	}
	if state := h.inside("orders-tx"); len(state) != 1 {
		t.Errorf("another's transaction is %q", state)
	}
	if r, ok := h.run.audit.LastFor("User:pool-only"); ok && r.Steps[len(r.Steps)-1].Code == guard.CodeUpstream {
		t.Errorf("audited as %+v", r.Steps)
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
