package gateway

import (
	"cmp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/iam"
)

// DescribeAcls needs Describe on the cluster (AclApis.handleDescribeAcls). It is
// answered from klamm's role bindings, never from the ACLs of the cluster behind,
// whose principals are none of klamm's: each operation that a binding gives is an
// ACL that allows it, from any host.
//
//   - v1 (KIP-290): prefixes. Before, only ACLs of whole names are shown.
func describeACLs(c *call, q *kmsg.DescribeACLsRequest) {
	if !c.must(do(iam.Describe, iam.ClusterResource())) {
		return
	}
	g := c.session.g
	switch {
	case g.Rights == nil:
		c.whole = &refusal{code: securityDisabled, words: "role bindings are not shown here"}
		return
	case unknownInFilter(q):
		c.whole = &refusal{code: invalidRequest, words: "the filter has a type of resource, pattern, operation or permission that is not known"}
		return
	}
	if q.Version == 0 {
		q.ResourcePatternType = kmsg.ACLResourcePatternTypeLiteral
	}
	var found []acl
	g.Rights(c.session.target.name, func(p iam.Principal, on iam.Pattern, ops iam.OperationSet) {
		if on.Name == every && !on.Prefix {
			return // one name, which an ACL cannot say
		}
		for _, op := range iam.Operations() {
			if a := aclOf(p, on, op); ops.Has(op) && a.matches(q) {
				found = append(found, a)
			}
		}
	})
	c.reply = listACLs(found)
}

// acl is one ACL; all of them allow, from any host.
type acl struct {
	kind      kmsg.ACLResourceType
	name      string
	pattern   kmsg.ACLResourcePatternType
	principal string
	op        kmsg.ACLOperation
}

// every stands in an ACL for all names, and for all hosts
// (ResourcePattern.WILDCARD_RESOURCE).
const every = "*"

func aclOf(p iam.Principal, on iam.Pattern, op iam.Operation) acl {
	a := acl{kmsg.ACLResourceType(on.Type), on.Name, kmsg.ACLResourcePatternTypeLiteral, string(p), kmsg.ACLOperation(op)}
	switch {
	case on.Prefix && on.Name == "":
		a.name = every
	case on.Prefix:
		a.pattern = kmsg.ACLResourcePatternTypePrefixed
	}
	return a
}

// matches is Kafka's AclBindingFilter.matches.
func (a acl) matches(q *kmsg.DescribeACLsRequest) bool {
	const anyHost = every
	return (q.ResourceType == kmsg.ACLResourceTypeAny || q.ResourceType == a.kind) && a.named(q) &&
		(q.Principal == nil || *q.Principal == a.principal) && (q.Host == nil || *q.Host == anyHost) &&
		(q.Operation == kmsg.ACLOperationAny || q.Operation == a.op) &&
		(q.PermissionType == kmsg.ACLPermissionTypeAny || q.PermissionType == kmsg.ACLPermissionTypeAllow)
}

// named is Kafka's ResourcePatternFilter.matches, without the type.
func (a acl) named(q *kmsg.DescribeACLsRequest) bool {
	match := q.ResourcePatternType == kmsg.ACLResourcePatternTypeMatch
	switch {
	case !match && q.ResourcePatternType != kmsg.ACLResourcePatternTypeAny && q.ResourcePatternType != a.pattern:
		return false
	case q.ResourceName == nil || *q.ResourceName == a.name:
		return true
	case !match:
		return false
	case a.pattern == kmsg.ACLResourcePatternTypePrefixed:
		return strings.HasPrefix(*q.ResourceName, a.name)
	}
	return a.name == every
}

// unknownInFilter reports whether a filter has a number that Kafka 4.3 does not
// know, or UNKNOWN.
func unknownInFilter(q *kmsg.DescribeACLsRequest) bool {
	const lastType, lastOperation = 7, 15 // USER, TWO_PHASE_COMMIT
	unknown := func(n, last int8) bool { return n <= 0 || n > last }
	return unknown(int8(q.ResourceType), lastType) || unknown(int8(q.ResourcePatternType), int8(kmsg.ACLResourcePatternTypePrefixed)) ||
		unknown(int8(q.Operation), lastOperation) || unknown(int8(q.PermissionType), int8(kmsg.ACLPermissionTypeAllow))
}

// listACLs makes the answer: sorted, each ACL once, by resource.
func listACLs(list []acl) *kmsg.DescribeACLsResponse {
	slices.SortFunc(list, func(a, b acl) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.pattern, b.pattern), cmp.Compare(a.principal, b.principal), cmp.Compare(a.op, b.op))
	})
	r := kmsg.NewPtrDescribeACLsResponse()
	var last acl
	for _, a := range slices.Compact(list) {
		if len(r.Resources) == 0 || a.kind != last.kind || a.name != last.name || a.pattern != last.pattern {
			r.Resources = append(r.Resources, kmsg.DescribeACLsResponseResource{ResourceType: a.kind, ResourceName: a.name, ResourcePatternType: a.pattern})
		}
		last = a
		of := &r.Resources[len(r.Resources)-1]
		of.ACLs = append(of.ACLs, kmsg.DescribeACLsResponseResourceACL{Principal: a.principal, Host: every, Operation: a.op, PermissionType: kmsg.ACLPermissionTypeAllow})
	}
	return r
}
