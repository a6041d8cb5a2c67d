package authz

import "github.com/klammhq/klamm/internal/iam"

// everywhere stands among clusters for bindings that are wider than one.
const everywhere = ""

// builder collects bindings by principal and cluster until all are known,
// since the trees of prefixes are made at once.
type builder struct {
	rules Rules
	of    map[iam.Principal]map[string]*draft
}

// draft is an index whose trees are not made yet.
type draft struct {
	index
	begin [iam.TransactionalID + 1]map[string]grants
}

func (b *builder) add(binding iam.Binding, r *role) {
	on := binding.On
	b.rules.bindings[binding.ID] = stated{binding.Principal, r, on}
	if inert(on) {
		return
	}
	by := &bound{id: binding.ID, role: r.name, principal: binding.Principal}
	d := b.draft(binding.Principal, on.Cluster)
	for t := range all {
		ops := r.on(t, on.Type)
		if ops == 0 {
			continue
		}
		d.some[t].add(ops, by)
		switch {
		case t != on.Type: // a wider scope, or the cluster of a topic
			d.whole[t].add(ops, by)
		case on.Prefix:
			file(&d.begin[t], on.Name, ops, by)
		default:
			file(&d.names[t], on.Name, ops, by)
		}
	}
}

// inert reports whether a pattern covers only names that are always refused,
// so that it must not count as "some topic" either.
func inert(p iam.Pattern) bool {
	on := iam.Resource{Type: p.Type, Name: p.Name}
	return p.Type != 0 && (on.Reserved() || on.Internal() && !p.Prefix)
}

func file(m *map[string]grants, name string, ops iam.OperationSet, by *bound) {
	if *m == nil {
		*m = map[string]grants{}
	}
	g := (*m)[name]
	g.add(ops, by)
	(*m)[name] = g
}

func (b *builder) draft(p iam.Principal, cluster string) *draft {
	if b.of[p] == nil {
		b.of[p] = map[string]*draft{}
	}
	if b.of[p][cluster] == nil {
		b.of[p][cluster] = &draft{}
	}
	return b.of[p][cluster]
}

func (b *builder) finish() *Rules {
	b.rules.of = make(map[iam.Principal]*rights, len(b.of))
	for principal, drafts := range b.of {
		mine := &rights{}
		for cluster, d := range drafts {
			for t := range d.begin {
				d.index.begin[t] = newPrefixes(d.begin[t])
			}
			if cluster == everywhere {
				mine.everywhere = d.whole
			} else {
				mine.clusters = append(mine.clusters, onCluster{cluster, &d.index})
			}
		}
		b.rules.of[principal] = mine
	}
	return &b.rules
}
