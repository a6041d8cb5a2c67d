package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// DeleteAcls needs Alter on the cluster (AclApis.handleDeleteAcls), and is then
// refused as CreateAcls is.
func deleteACLs(c *call, _ *kmsg.DeleteACLsRequest) {
	c.noACLs("an ACL to delete")
}
