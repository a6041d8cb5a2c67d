package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// ListOffsets needs Describe on each topic (KafkaApis.handleListOffsetRequest).
//
//   - Replica ids are -1, a consumer, or -2, a tool that debugs; others are for
//     brokers and see what consumers may not (CVE-2018-1288).
//   - v10 (KIP-1075): a timeout.
func listOffsets(c *call, q *kmsg.ListOffsetsRequest) {
	if !c.consumer(q.ReplicaID) {
		return
	}
	q.Topics = keep(c, q.Topics, "Topics", func(t *kmsg.ListOffsetsRequestTopic) *refusal {
		return c.one(do(iam.Describe, topic(t.Topic)))
	})
}

// consumer reports whether a replica id is one that clients send.
func (c *call) consumer(replica int32) bool {
	if replica == -1 || replica == -2 {
		return true
	}
	c.attack("a replica id", "a consumer, whose replica id is -1 or -2", fetchBehind)
	return false
}
