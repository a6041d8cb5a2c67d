// Package authz decides what an identity may do: a table of roles, and an
// index of the role bindings of one snapshot. Bindings only allow; what none
// allows is refused.
//
// It authenticates nobody, knows no request, and never does I/O.
package authz

import (
	"errors"
	"maps"
	"slices"

	"github.com/klammhq/klamm/internal/iam"
)

// Rules is an immutable index of the role bindings of one snapshot. The zero
// value refuses everything.
type Rules struct {
	org      iam.Organization
	of       map[iam.Principal]*rights
	bindings map[string]stated // by id
}

// stated is a binding as it was written.
type stated struct {
	principal iam.Principal
	role      *role
	on        iam.Pattern
}

// rights are all bindings of one principal.
type rights struct {
	everywhere grantsByType // bound to the organization or its environment
	clusters   []onCluster  // they are few
}

// onCluster is what is bound to one logical cluster.
type onCluster struct {
	cluster string
	*index
}

func (r *rights) on(cluster string) *index {
	for i := range r.clusters {
		if c := &r.clusters[i]; c.cluster == cluster {
			return c.index
		}
	}
	return nil
}

// index holds the bindings of one principal to one cluster and what is in it.
type index struct {
	whole grantsByType // on everything in the cluster
	some  grantsByType // at least one resource of the type; answers Resource.Any
	names [iam.TransactionalID + 1]map[string]grants
	begin [iam.TransactionalID + 1]*prefixes
}

type grantsByType [iam.TransactionalID + 1]grants

// bound is a binding as a decision names it.
type bound struct {
	id, role  string
	principal iam.Principal
}

// grant is what one binding allows on the resources that it is filed under.
type grant struct {
	ops iam.OperationSet
	by  *bound
}

// grants are bindings of the same pattern, none of which is made superfluous
// by those before it.
type grants []grant

func (g grants) find(op iam.Operation) *bound {
	for i := range g {
		if g[i].ops.Has(op) {
			return g[i].by
		}
	}
	return nil
}

func (g *grants) add(ops iam.OperationSet, by *bound) {
	var have iam.OperationSet
	for _, x := range *g {
		have |= x.ops
	}
	if ops&^have != 0 {
		*g = append(*g, grant{ops, by})
	}
}

const (
	reasonNone     = "no role binding allows it"
	reasonReserved = "names that begin with " + iam.ReservedPrefix + " are klamm's own, and nobody may use them"
	reasonInternal = "Kafka's internal topics may only be read and described, and only by administrators of the cluster"
	reasonNowhere  = "the identity belongs to no cluster"
)

// Decide answers an action on the cluster that the identity was let in to: the
// union of the rights of all principals that it acts as. A name of "*" is every
// name there is, so only a pattern for all names covers it. It is safe for
// concurrent use and does not allocate.
func (r *Rules) Decide(id iam.Identity, a iam.Action) iam.Decision {
	if a.On.Reserved() {
		return iam.Decision{Reason: reasonReserved}
	}
	q := question{a.Op, a.On, a.On.Internal()}
	if q.internal && !readable.Has(a.Op) {
		return iam.Decision{Reason: reasonInternal}
	}
	if id.Cluster == "" {
		return iam.Decision{Reason: reasonNowhere}
	}
	b := r.find(id.Principal, id.Cluster, &q)
	for i := 0; b == nil && i < len(id.Acting); i++ {
		if id.Acting[i] != id.Principal {
			b = r.find(id.Acting[i], id.Cluster, &q)
		}
	}
	switch {
	case b != nil:
		return iam.Decision{Allowed: true, Binding: b.id, Role: b.role, Acting: b.principal}
	case q.internal:
		return iam.Decision{Reason: reasonInternal}
	}
	return iam.Decision{Reason: reasonNone}
}

// Scope is where a role binding stands; the zero Pattern when there is none of
// that id.
func (r *Rules) Scope(binding string) iam.Pattern { return r.bindings[binding].on }

// question is an action whose name was looked at once.
type question struct {
	op       iam.Operation
	on       iam.Resource
	internal bool
}

// readable is what may be done to Kafka's internal topics at all.
var readable = iam.SetOf(iam.Read, iam.Describe, iam.DescribeConfigs)

// find looks for a binding of one principal that allows the action, the
// narrowest kind of pattern first.
func (r *Rules) find(p iam.Principal, cluster string, q *question) *bound {
	mine := r.of[p]
	if mine == nil || int(q.on.Type) >= len(grantsByType{}) {
		return nil
	}
	if x := mine.on(cluster); x != nil {
		if b := x.find(q); b != nil {
			return b
		}
	}
	return mine.everywhere[q.on.Type].find(q.op)
}

func (x *index) find(q *question) *bound {
	t := q.on.Type
	some := x.some[t].find(q.op)
	switch {
	case some == nil || q.on.Any: // no binding gives it on anything of this type
		return some
	case q.internal:
	case q.on.Name == "*":
		if b := x.begin[t].find("", q.op); b != nil {
			return b
		}
	default:
		if b := x.names[t][q.on.Name].find(q.op); b != nil {
			return b
		}
		if b := x.begin[t].find(q.on.Name, q.op); b != nil {
			return b
		}
	}
	return x.whole[t].find(q.op)
}

// Compile checks the role bindings of a snapshot and indexes them. The error
// joins one [BindingError] for each wrong binding, in the order of their ids;
// with any of them there are no rules.
func Compile(s *iam.Snapshot) (*Rules, error) {
	b := builder{Rules{org: s.Organization, bindings: map[string]stated{}}, map[iam.Principal]map[string]*draft{}}
	var wrong []error
	for _, id := range slices.Sorted(maps.Keys(s.Bindings)) { // so that a snapshot always gives the same answers
		role, err := check(s.Bindings[id], s.Organization)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		b.add(s.Bindings[id], role)
	}
	if wrong != nil {
		return nil, errors.Join(wrong...)
	}
	return b.finish(), nil
}
