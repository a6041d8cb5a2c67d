package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// Heartbeat needs Read on the group (KafkaApis.handleHeartbeatRequest).
//
//   - v3 (KIP-345): static members.
func heartbeat(c *call, q *kmsg.HeartbeatRequest) {
	c.must(do(iam.Read, group(q.Group)))
}
