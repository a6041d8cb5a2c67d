package gateway

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
)

// wide is a cluster's answer to a Metadata request for all topics: many of
// them, each with three partitions.
func wide(topics int) *kmsg.MetadataResponse {
	r := kmsg.NewPtrMetadataResponse()
	r.Version = 12
	r.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: "kafka-0", Port: 9092}}
	for i := range topics {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic, t.TopicID = kmsg.StringPtr(fmt.Sprintf("orders.%05d", i)), [16]byte{1, byte(i >> 8), byte(i)}
		for p := range int32(3) {
			t.Partitions = append(t.Partitions, kmsg.MetadataResponseTopicPartition{Partition: p, LeaderEpoch: 7, Replicas: []int32{0, 1, 2}, ISR: []int32{0, 1, 2}})
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

// BenchmarkMetadata10000 is what klamm does with a list of ten thousand topics,
// all of which may be described; what reading and writing the answer alone
// costs is beside it.
func BenchmarkMetadata10000(b *testing.B) {
	h := build(b, append(alice(), binding("alice", "DeveloperRead", iam.Topic, "orders*")))
	q := kmsg.NewPtrMetadataRequest()
	q.Version = 12
	plan, err := h.session("alice").Plan(h.ctx(), frame(b, q))
	if err != nil || plan.Verdict != relay.Send {
		b.Fatalf("%+v, %v", plan, err)
	}
	body := wide(10_000).AppendTo(kafka.ResponseHeader(nil, keyMetadata, 12, 7))
	b.Run("klamm", func(b *testing.B) {
		for b.Loop() {
			if _, err := plan.Edit(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("codec", func(b *testing.B) {
		for b.Loop() {
			resp, _, err := readResponse(keyMetadata, 12, body)
			if err != nil {
				b.Fatal(err)
			}
			resp.AppendTo(nil)
		}
	})
}
