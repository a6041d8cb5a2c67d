package authz

import (
	"maps"
	"slices"

	"github.com/klammhq/klamm/internal/iam"
)

// Rights tells, binding by binding in the order of their ids, what each gives on
// a cluster: the operations, and the pattern of the resources of one type that
// they are for. A binding that is wider than that is told once for each type, on
// all names. Names that nobody may use are left out.
func (r *Rules) Rights(cluster string, tell func(iam.Principal, iam.Pattern, iam.OperationSet)) {
	for _, id := range slices.Sorted(maps.Keys(r.bindings)) {
		b := r.bindings[id]
		if inert(b.on) || b.on.Cluster != everywhere && b.on.Cluster != cluster {
			continue
		}
		for _, t := range []iam.ResourceType{iam.Topic, iam.Group, iam.Cluster, iam.TransactionalID} {
			ops, on := b.role.on(t, b.on.Type), b.on
			switch {
			case ops == 0:
				continue
			case t == iam.Cluster:
				on.Type, on.Name, on.Prefix = t, iam.ClusterResource().Name, false
			case t != on.Type:
				on.Type, on.Name, on.Prefix = t, "", true
			}
			tell(b.principal, on, ops)
		}
	}
}
