package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// SyncGroup needs Read on the group (KafkaApis.handleSyncGroupRequest).
//
//   - v5 (KIP-559): protocol type and name. It waits for the group's leader.
func syncGroup(c *call, q *kmsg.SyncGroupRequest) {
	c.must(do(iam.Read, group(q.Group)))
}
