package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// CreateAcls needs Alter on the cluster (AclApis.handleCreateAcls), and is then
// refused all the same: role bindings have one owner, who writes them elsewhere,
// and an ACL of the cluster behind would bind nobody but klamm. The refusal is one
// of authorization, with words: SECURITY_DISABLED would say that anybody may do
// anything.
func createACLs(c *call, _ *kmsg.CreateACLsRequest) {
	c.noACLs("a new ACL")
}

func (c *call) noACLs(saw string) {
	if c.must(do(iam.Alter, iam.ClusterResource())) {
		c.whole = c.never(iam.Alter, saw, "no change to who may do what", "change the role bindings in klamm's identity documents")
	}
}
