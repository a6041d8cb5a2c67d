package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// LeaveGroup needs Read on the group (KafkaApis.handleLeaveGroupRequest).
//
//   - v3 (KIP-345): many members. v5 (KIP-800): a reason.
func leaveGroup(c *call, q *kmsg.LeaveGroupRequest) {
	c.must(do(iam.Read, group(q.Group)))
}
