package app

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestNoUpstreamAddress_MovedLeader: an answer to Fetch or Produce may name the
// new leader with its address (KIP-951). Apache Kafka does so from Fetch 16 on;
// the embedded engine does in each flexible version, 12 to 15 too, where a tag
// may stand as well, so that the version alone says nothing.
func TestNoUpstreamAddress_MovedLeader(t *testing.T) {
	t.Parallel()
	h, behind, forbidden := farBehind(t)
	id := h.topicID("orders.eu")
	w := h.loggedIn(role("admin"), 0)
	for _, node := range []int32{1, 2} {
		if err := behind.MoveTopicPartition("orders.eu", 0, node); err != nil {
			t.Fatal(err)
		}
		var requests []kmsg.Request
		for version := int16(9); version <= 18; version++ {
			q := fetchOf(version, 0, "orders.eu")
			if version > 12 {
				q.Topics[0].Topic, q.Topics[0].TopicID = "", id
			}
			p := kmsg.NewPtrProduceRequest()
			p.Version, p.Acks, p.TimeoutMillis = min(version, 13), 1, 1000
			p.Topics = []kmsg.ProduceRequestTopic{{Topic: "orders.eu", TopicID: id, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("x")}}}}
			requests = append(requests, q, p)
		}
		var heard strings.Builder
		for _, q := range requests {
			if err := w.send(q); err != nil {
				t.Fatal(err)
			}
			answer, err := w.Next()
			if err != nil {
				t.Fatalf("%s %d: %v", kmsg.NameForKey(q.Key()), q.GetVersion(), err)
			}
			held, err := answer.Hold(1 << 20)
			if err != nil {
				t.Fatal(err)
			}
			heard.Write(held.Bytes)
			held.Release()
			tells(t, heard.String(), forbidden)
			if t.Failed() {
				t.Fatalf("%s %d", kmsg.NameForKey(q.Key()), q.GetVersion())
			}
		}
	}
}
