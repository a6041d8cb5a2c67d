package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DeleteGroups needs Delete on each group (KafkaApis.handleDeleteGroupsRequest).
func deleteGroups(c *call, q *kmsg.DeleteGroupsRequest) {
	q.Groups = keep(c, q.Groups, "Groups", func(name *string) *refusal { return c.one(do(iam.Delete, group(*name))) })
}
