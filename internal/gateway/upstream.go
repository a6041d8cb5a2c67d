package gateway

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka/api"
)

// upstreamRefused audits an authorization error that comes from the broker: it
// is klamm's own user who lacks the right there, whatever the client's roles.
// what is the right that the client needed first.
func (s *session) upstreamRefused(who guard.Call, what iam.Action, resp kmsg.Response) {
	if api.HasCode(resp, denied) {
		s.refuseUpstream(who, what)
	}
}

func (s *session) refuseUpstream(who guard.Call, what iam.Action) {
	if what.Op == 0 { // the client needed none
		what = do(iam.Describe, iam.ClusterResource())
	}
	s.grant.Refuse(who, what, iam.Step{
		Name: "upstream", Saw: "the cluster behind refused klamm's own user", Wanted: "a user that has " + what.String() + " there",
		Mend: ownRight(what), Code: guard.CodeUpstream,
	})
}

// denied reports whether an error is one of authorization.
func denied(code int16) bool {
	return code == topicDenied || code == groupDenied || code == clusterDenied || code == transactionalIDDenied
}

// anyTopic stands for the topics of requests that pass as they came.
func anyTopic(op iam.Operation) iam.Action { return do(op, iam.Resource{Type: iam.Topic, Any: true}) }

// aclFlags name resources as kafka-acls does.
var aclFlags = map[iam.ResourceType]string{iam.Topic: "--topic", iam.Group: "--group", iam.TransactionalID: "--transactional-id"}

// ownRight is how klamm's own user gets a right on the cluster behind.
func ownRight(a iam.Action) string {
	on, named := aclFlags[a.On.Type]
	switch {
	case !named:
		on = "--cluster"
	case a.On.Any:
		on += " '*'"
	default:
		on += fmt.Sprintf(" %q", a.On.Name)
	}
	return fmt.Sprintf("no role binding here can help: give the right to klamm's user on the cluster behind, as by kafka-acls --add --allow-principal User:NAME --operation %s %s, where NAME is login.username under clusters in klamm.yaml", a.Op, on)
}
