package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// JoinGroup needs Read on the group (KafkaApis.handleJoinGroupRequest).
//
//   - v4 (KIP-394): a member without an id is told to come back with one.
//   - It may wait for the rebalance timeout.
func joinGroup(c *call, q *kmsg.JoinGroupRequest) {
	c.must(do(iam.Read, group(q.Group)))
}
