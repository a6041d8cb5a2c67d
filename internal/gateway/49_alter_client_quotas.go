package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// AlterClientQuotas (KIP-546) needs AlterConfigs on the cluster
// (ControllerApis.handleAlterClientQuotas).
//
//   - All clients are one user upstream, and come from klamm's addresses: a quota
//     of a user or an address would throttle everybody, klamm itself too, and is
//     never altered, whatever the role.
func alterClientQuotas(c *call, q *kmsg.AlterClientQuotasRequest) {
	if !c.must(do(iam.AlterConfigs, iam.ClusterResource())) {
		return
	}
	q.Entries = keep(c, q.Entries, "Entries", func(e *kmsg.AlterClientQuotasRequestEntry) *refusal {
		for _, x := range e.Entity {
			if x.Type != quotaOfClients {
				return c.never(iam.AlterConfigs, "a quota of a "+x.Type, "one of a client id", "set quotas of users and addresses on the cluster behind, where klamm is one user")
			}
		}
		return nil
	})
}
