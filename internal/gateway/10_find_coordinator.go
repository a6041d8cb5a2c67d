package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// FindCoordinator needs Describe on the group or the transactional id
// (KafkaApis.handleFindCoordinatorRequest).
//
//   - v0-v3: one key. v4 (KIP-699): many.
//   - Key type 2, of share groups, is a broker's own and refused.
//   - An error has node -1, no host and port -1.
func findCoordinator(c *call, q *kmsg.FindCoordinatorRequest) {
	kinds := []iam.ResourceType{iam.Group, iam.TransactionalID}
	if q.CoordinatorType < 0 || int(q.CoordinatorType) >= len(kinds) {
		c.whole = &refusal{code: invalidRequest, words: "the key type is none of 0 (group) and 1 (transaction)"}
		return
	}
	kind := kinds[q.CoordinatorType]
	if q.Version < 4 {
		c.must(do(iam.Describe, iam.Resource{Type: kind, Name: q.CoordinatorKey}))
		return
	}
	q.CoordinatorKeys = keep(c, q.CoordinatorKeys, "Coordinators", func(key *string) *refusal {
		return c.one(do(iam.Describe, iam.Resource{Type: kind, Name: *key}))
	})
}
