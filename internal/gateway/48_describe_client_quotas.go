package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeClientQuotas (KIP-546) needs DescribeConfigs on the cluster
// (KafkaApis.handleDescribeClientQuotasRequest).
//
//   - All clients are one user upstream, and come from klamm's addresses: only
//     quotas of client ids are about clients, and others are left out.
func describeClientQuotas(c *call, _ *kmsg.DescribeClientQuotasRequest) {
	if !c.must(do(iam.DescribeConfigs, iam.ClusterResource())) {
		return
	}
	edit(c, func(r *kmsg.DescribeClientQuotasResponse) {
		r.Entries = shown(r.Entries, func(e *kmsg.DescribeClientQuotasResponseEntry) bool {
			return !slices.ContainsFunc(e.Entity, func(x kmsg.DescribeClientQuotasResponseEntryEntity) bool { return x.Type != quotaOfClients })
		})
	})
}

// quotaOfClients is the type of entity that stands for a client id, which klamm
// passes on as it is.
const quotaOfClients = "client-id"
