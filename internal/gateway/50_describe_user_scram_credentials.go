package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeUserScramCredentials (KIP-554) needs Describe on the cluster
// (KafkaApis.handleDescribeUserScramCredentialsRequest). It is answered here, and
// there are none: the SCRAM users of the cluster behind could log in past klamm, and
// are nobody's business. Without an answer kafka-configs shows no quotas either.
//
//   - An empty or null list means all users.
func describeUserSCRAM(c *call, q *kmsg.DescribeUserSCRAMCredentialsRequest) {
	if !c.must(do(iam.Describe, iam.ClusterResource())) {
		return
	}
	resp := kmsg.NewPtrDescribeUserSCRAMCredentialsResponse()
	for _, u := range q.Users {
		resp.Results = append(resp.Results, kmsg.DescribeUserSCRAMCredentialsResponseResult{
			User: u.Name, ErrorCode: resourceNotFound, ErrorMessage: kmsg.StringPtr("Attempt to describe a user credential that does not exist: " + u.Name),
		})
	}
	c.reply = resp
}
