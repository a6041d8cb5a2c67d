package authz

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/iam"
)

// naive decides by looking at every binding; it is the index's specification.
func naive(s *iam.Snapshot, id iam.Identity, a iam.Action) bool {
	for _, b := range s.Bindings {
		if covers(b, s, id, a) {
			return true
		}
	}
	return false
}

// covers reports whether one binding alone allows the action.
func covers(b iam.Binding, s *iam.Snapshot, id iam.Identity, a iam.Action) bool {
	acts := b.Principal == id.Principal
	for _, p := range id.Acting {
		acts = acts || b.Principal == p
	}
	p := b.On
	if !acts || id.Cluster == "" || a.On.Reserved() || p.Organization != s.Organization.ID ||
		p.Environment != "" && p.Environment != s.Organization.Environment || p.Cluster != "" && p.Cluster != id.Cluster {
		return false
	}
	role, _ := roleNamed(b.Role)
	if a.On.Internal() {
		return p.Type == 0 && (a.Op == iam.Read || a.Op == iam.Describe || a.Op == iam.DescribeConfigs) && role.ops[iam.Topic].Has(a.Op)
	}
	own := iam.Resource{Type: p.Type, Name: p.Name}
	useless := p.Type != 0 && (own.Reserved() || own.Internal() && !p.Prefix)
	switch {
	case p.Type == 0:
		return role.ops[a.On.Type].Has(a.Op)
	case useless:
		return false
	case p.Type == iam.Topic && a.On.Type == iam.Cluster:
		return role.name == "DeveloperWrite" && a.Op == iam.IdempotentWrite
	case p.Type != a.On.Type || !role.ops[p.Type].Has(a.Op):
		return false
	case a.On.Any:
		return true
	case a.On.Name == "*":
		return p.Prefix && p.Name == ""
	case p.Prefix:
		return strings.HasPrefix(a.On.Name, p.Name)
	}
	return p.Name == a.On.Name
}

// TestIndexAgainstScan compares the index with a scan over random bindings
// whose names share many beginnings.
func TestIndexAgainstScan(t *testing.T) {
	for seed := range uint64(150) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		s := g.snapshot()
		r, err := Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			id, a := g.identity(), g.action()
			d, want := r.Decide(id, a), naive(s, id, a)
			if d.Allowed != want {
				t.Fatalf("seed %d: %v on %s: %s = %+v, want %v\n%+v", seed, id.Acting, id.Cluster, a, d, want, s.Bindings)
			}
			if b := s.Bindings[d.Binding]; d.Allowed && (!covers(b, s, id, a) || b.Role != d.Role || b.Principal != d.Acting) {
				t.Fatalf("seed %d: %s names %+v, which does not allow it: %+v", seed, a, d, b)
			}
			if !d.Allowed {
				g.enough(t, s, r, id, a)
			}
		}
	}
}

type generator struct{ *rand.Rand }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

func (g generator) name() string {
	var b strings.Builder
	b.WriteString(pick(g, "", "", "", "", "", "__", "__klamm", "__consumer_offsets", "*", "é"))
	for range g.IntN(4) {
		b.WriteString(pick(g, "a", "b", "ab", "."))
	}
	return b.String()
}

func (g generator) principal() iam.Principal {
	return pick[iam.Principal](g, "User:pool-a", "User:pool-b", "Group:g")
}

func (g generator) snapshot() *iam.Snapshot {
	var bindings []iam.Binding
	for range g.IntN(30) {
		r := pick(g, roles...)
		p := iam.Pattern{Organization: testOrg}
		scope := pick(g, r.scopes...)
		if scope >= iam.ScopeEnvironment {
			p.Environment = testEnv
		}
		if scope >= iam.ScopeCluster {
			p.Cluster = pick(g, "lkc-1", "lkc-2")
		}
		if scope == iam.ScopeResource {
			p.Type, p.Name, p.Prefix = pick(g, iam.Topic, iam.Group, iam.TransactionalID), g.name(), g.IntN(2) == 0
			p.Prefix = p.Prefix || p.Name == ""
		}
		bindings = append(bindings, bind(g.principal(), r.name, p))
	}
	return snapshot(bindings...)
}

func (g generator) identity() iam.Identity {
	id := iam.Identity{Principal: g.principal(), Cluster: pick(g, "lkc-1", "lkc-1", "lkc-2", "")}
	for range g.IntN(3) {
		id.Acting = append(id.Acting, g.principal())
	}
	return id
}

func (g generator) action() iam.Action {
	a := iam.Action{Op: pick(g, iam.Operations()...), On: iam.Resource{Type: pick(g, everyType...), Name: g.name()}}
	switch {
	case a.On.Type == iam.Cluster:
		a.On = iam.ClusterResource()
	case g.IntN(5) == 0:
		a.On.Name, a.On.Any = "", true
	}
	return a
}

// enough checks that what Enough proposes for a refused action allows it: each
// of its roles, bound to the target of the action alone.
func (g generator) enough(t *testing.T, s *iam.Snapshot, r *Rules, id iam.Identity, a iam.Action) {
	t.Helper()
	lines := r.Enough(id, a)
	for _, line := range lines {
		p := iam.Pattern{Organization: testOrg, Environment: testEnv, Cluster: id.Cluster}
		_, rest, _ := strings.Cut(line, "role: ")
		role, _, _ := strings.Cut(rest, ",")
		if found, _ := roleNamed(role); found.scopes[0] == iam.ScopeResource {
			p.Type, p.Name, p.Prefix = target(a.On)
		}
		with := s.Clone()
		with.Bindings["rb-new"] = iam.Binding{ID: "rb-new", Principal: id.Principal, Role: role, On: p}
		changed, err := Compile(with)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !changed.Decide(id, a).Allowed {
			t.Fatalf("%s does not allow %s", line, a)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	const n = 10_000
	var literals, begins, principals []iam.Binding
	for i := range n {
		name := fmt.Sprintf("team-%05d.orders.events", i)
		literals = append(literals, bind(pool, "DeveloperWrite", on("lkc-1", iam.Topic, name)))
		begins = append(begins, bind(pool, "DeveloperWrite", on("lkc-1", iam.Topic, fmt.Sprintf("team-%05d.*", i))))
		principals = append(principals, bind(iam.PoolPrincipal(fmt.Sprintf("pool-%05d", i)), "DeveloperWrite", on("lkc-1", iam.Topic, name)))
	}
	orders := act(iam.Write, iam.Topic, "team-07777.orders.events")
	for _, c := range []struct {
		name     string
		bindings []iam.Binding
		id       iam.Identity
		a        iam.Action
		want     bool
	}{
		{"one principal, literal names", literals, identity("lkc-1", pool), orders, true},
		{"one principal, prefixes", begins, identity("lkc-1", pool), orders, true},
		{"one principal, refused", begins, identity("lkc-1", pool), act(iam.Read, iam.Topic, "team-07777.orders.events"), false},
		{"many principals", principals, identity("lkc-1", "User:pool-07777"), orders, true},
		{"many principals, three acting", principals, identity("lkc-1", "User:pool-00001", "User:pool-00002", "User:pool-07777"), orders, true},
		{"many principals, refused", principals, identity("lkc-1", "User:pool-00001"), orders, false},
	} {
		r := rules(b, c.bindings...)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r.Decide(c.id, c.a).Allowed != c.want {
					b.Fatal("wrong")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	var bindings []iam.Binding
	for i := range 10_000 {
		bindings = append(bindings, bind(iam.PoolPrincipal(fmt.Sprintf("pool-%03d", i%500)), "DeveloperWrite", on("lkc-1", iam.Topic, fmt.Sprintf("team-%05d.*", i))))
	}
	s := snapshot(bindings...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(s); err != nil {
			b.Fatal(err)
		}
	}
}
