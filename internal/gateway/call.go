package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
)

// call is one request while it is decided. It lives until its plan is made;
// what edits the answer later must not use it.
type call struct {
	guard.Call
	ctx     context.Context
	session *session

	asked  bool       // a decision was asked for, or none is needed
	listed bool       // a list was gone through, be it an empty one
	first  iam.Action // what was asked for first
	whole  *refusal   // the request as a whole is refused
	kept   int        // items that stay in the request
	cut    int        // items that were removed
	missed int        // ids of no topic
	err    error      // the session has ended, or the request is an attack: close
	edits  []func(kmsg.Response)
	// reply is the answer when it is made here; the request is not sent.
	reply kmsg.Response
}

// free says that the request needs no right; reason is for the reader.
func (c *call) free(string) { c.asked = true }

func (c *call) ask(a iam.Action) {
	if c.asked = true; c.first.Op == 0 {
		c.first = a
	}
}

// may decides about one action, or several of which one is enough; the first
// is the one that a refusal names. It returns nil when that is allowed.
func (c *call) may(actions ...iam.Action) *refusal {
	c.ask(actions[0])
	if c.err != nil {
		return &refusal{code: deniedCodes[actions[0].On.Type]}
	}
	return c.outcome(actions[0].On.Type, c.session.grant.AllowAny(c.Call, actions...))
}

// one is may for a single action, without an allocation when it is allowed.
func (c *call) one(a iam.Action) *refusal {
	c.ask(a)
	err := c.session.grant.Allow(c.Call, a)
	if err == nil {
		return nil
	}
	return c.outcome(a.On.Type, err)
}

func (c *call) outcome(t iam.ResourceType, err error) *refusal {
	if err == nil {
		return nil
	}
	no := &refusal{code: deniedCodes[t]}
	if r, ok := errors.AsType[*guard.Refusal](err); ok {
		no.words = r.Error()
	} else {
		c.err = err
	}
	return no
}

// must is may for what the whole request needs; it reports whether to go on.
func (c *call) must(actions ...iam.Action) bool {
	if c.whole == nil {
		c.whole = c.may(actions...)
	}
	return c.whole == nil
}

// mustDescribe asks for Describe on topics that a request needs all of.
func (c *call) mustDescribe(names []string) bool {
	for _, name := range names {
		if !c.must(do(iam.Describe, topic(name))) {
			return false
		}
	}
	return true
}

// attack audits what no client of good will sends, and has the connection
// closed. Its event is about the cluster; mend is for clients that meant well.
func (c *call) attack(what, wanted, mend string) {
	c.err = c.session.grant.Refuse(c.Call, iam.Action{Op: iam.ClusterAction, On: iam.ClusterResource()},
		iam.Step{Name: "request", Saw: what, Wanted: wanted, Mend: mend, Code: guard.CodeUnserved})
}

// Mends of requests that are not served.
const (
	askVersions   = "use a client that asks for ApiVersions first, and keeps to what it is told"
	fetchBehind   = "let replicas and mirrors fetch from the cluster behind, past klamm"
	sameSASL      = "set the client's SASL mechanism to OAUTHBEARER, for every login of a connection"
	newLogin      = "use a client that knows KIP-368, or let it connect anew when its token ends"
	fewerRenewals = "see why the client logs in anew before every request: its tokens may live for seconds only"
)

// notOurs refuses an action on klamm's own topics, and any but Describe on Kafka's
// internal ones: a right on the cluster, which is enough for every other topic,
// does not reach them.
func (c *call) notOurs(a iam.Action) *refusal {
	if a.On.Reserved() || a.On.Internal() && a.Op != iam.Describe {
		return c.one(a)
	}
	return nil
}

// never refuses what nobody may do to the cluster through klamm, whatever the role.
func (c *call) never(op iam.Operation, saw, wanted, mend string) *refusal {
	c.asked = true
	return c.outcome(iam.Cluster, c.session.grant.Refuse(c.Call, do(op, iam.ClusterResource()), iam.Step{
		Name: "request", Saw: saw, Wanted: wanted, Mend: mend, Code: guard.CodeUnserved,
	}))
}

// visible is the silent decision for listings. It may be used after the call.
func (s *session) visible(op iam.Operation, on iam.Resource) bool {
	return s.grant.Visible(iam.Action{Op: op, On: on})
}

// topicNameTime is how long an answer waits for the name of a topic that it
// may have to hide.
const topicNameTime = 5 * time.Second

// visibleByID is visible for a topic named by id; one whose name cannot be found is
// not.
func (s *session) visibleByID(op iam.Operation, id [16]byte) bool {
	ctx, cancel := context.WithTimeout(context.Background(), topicNameTime)
	defer cancel()
	name, err := s.target.TopicName(ctx, id)
	return err == nil && s.visible(op, topic(name))
}

// operations is the bit field of what the client may do with a resource
// (KIP-430): what its roles allow, never what klamm's own user may upstream.
func (s *session) operations(on iam.Resource, of []iam.Operation) int32 {
	var set iam.OperationSet
	for _, op := range of {
		if s.visible(op, on) {
			set |= iam.SetOf(op)
		}
	}
	return int32(set)
}

// notAsked stands where a client did not ask for its operations.
const notAsked = -1 << 31

// Operations that Kafka lists for each type of resource
// (AclEntry.supportedOperations).
var (
	topicOperations   = []iam.Operation{iam.Read, iam.Write, iam.Create, iam.Delete, iam.Alter, iam.Describe, iam.DescribeConfigs, iam.AlterConfigs}
	groupOperations   = []iam.Operation{iam.Read, iam.Delete, iam.Describe, iam.DescribeConfigs, iam.AlterConfigs}
	clusterOperations = []iam.Operation{iam.Create, iam.Alter, iam.Describe, iam.ClusterAction, iam.DescribeConfigs, iam.AlterConfigs, iam.IdempotentWrite}
)

func topic(name string) iam.Resource { return iam.Resource{Type: iam.Topic, Name: name} }
func group(name string) iam.Resource { return iam.Resource{Type: iam.Group, Name: name} }
func transactionalID(id string) iam.Resource {
	return iam.Resource{Type: iam.TransactionalID, Name: id}
}

func do(op iam.Operation, on iam.Resource) iam.Action { return iam.Action{Op: op, On: on} }

// mostMissed is how many ids of a request are looked up in vain: each is a
// question to the cluster, and a request has room for millions.
const mostMissed = 100

// ended is the context of a look-up that asks nobody.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// topicByID decides about a topic that is named by id; one whose name cannot
// be found is unknown to the client, for that topic only.
func (c *call) topicByID(op iam.Operation, id [16]byte) *refusal {
	c.asked = true
	ctx := c.ctx
	if c.missed >= mostMissed {
		ctx = ended // what is known already is still found
	}
	name, err := c.session.target.TopicName(ctx, id)
	if err != nil {
		c.missed++
		return &refusal{code: unknownTopicID}
	}
	return c.one(do(op, topic(name)))
}

// topic decides about a topic named by name, or by id when byID.
func (c *call) topic(op iam.Operation, byID bool, name string, id [16]byte) *refusal {
	if byID {
		return c.topicByID(op, id)
	}
	return c.one(do(op, topic(name)))
}

// unanswered is the list of an answer that has no place for an item's error.
const unanswered = ""

// deny adds to a list of the answer what stands for an item of the request
// that was removed; item points to a copy of it.
func (c *call) deny(list string, item any, no refusal) {
	c.cut++
	if list == unanswered {
		return
	}
	c.edits = append(c.edits, func(resp kmsg.Response) { addError(resp, list, item, no) })
}

// keep decides about each item of a request's list and returns those that are
// allowed. What stands for the others is added to list of the answer.
func keep[T any](c *call, items []T, list string, decide func(*T) *refusal) []T {
	c.listed = true
	kept := items[:0]
	for i := range items {
		if no := decide(&items[i]); no != nil {
			item := items[i]
			c.deny(list, &item, *no)
			continue
		}
		c.kept++
		kept = append(kept, items[i])
	}
	return kept
}
