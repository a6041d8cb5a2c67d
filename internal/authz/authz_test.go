package authz

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/klammhq/klamm/internal/iam"
)

const (
	testOrg = "6a4e3a2c-0000-4000-8000-000000000000"
	testEnv = "env-1"
	pool    = iam.Principal("User:pool-a")
)

// snapshot makes a state of bindings; ids are rb-0, rb-1, … in their order.
func snapshot(bindings ...iam.Binding) *iam.Snapshot {
	s := &iam.Snapshot{Organization: iam.Organization{ID: testOrg, Environment: testEnv}, Bindings: map[string]iam.Binding{}}
	for i, b := range bindings {
		b.ID = fmt.Sprintf("rb-%d", i)
		s.Bindings[b.ID] = b
	}
	return s
}

// on is a pattern within the test's organization; a * at the end of the name
// makes a prefix of it.
func on(cluster string, t iam.ResourceType, name string) iam.Pattern {
	p := iam.Pattern{Organization: testOrg, Environment: testEnv, Cluster: cluster, Type: t}
	p.Name, p.Prefix = strings.CutSuffix(name, "*")
	return p
}

func bind(p iam.Principal, role string, on iam.Pattern) iam.Binding {
	return iam.Binding{Principal: p, Role: role, On: on}
}

func rules(t testing.TB, bindings ...iam.Binding) *Rules {
	t.Helper()
	r, err := Compile(snapshot(bindings...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func identity(cluster string, acting ...iam.Principal) iam.Identity {
	return iam.Identity{Principal: acting[0], Acting: acting, Cluster: cluster}
}

func act(op iam.Operation, t iam.ResourceType, name string) iam.Action {
	return iam.Action{Op: op, On: iam.Resource{Type: t, Name: name}}
}

var everyType = []iam.ResourceType{iam.Topic, iam.Group, iam.Cluster, iam.TransactionalID}

// TestRoles states what each role allows, apart from the catalogue.
func TestRoles(t *testing.T) {
	const topicAll = "Read Write Create Delete Alter Describe DescribeConfigs AlterConfigs"
	const clusterAll = "Create Alter Describe ClusterAction DescribeConfigs AlterConfigs IdempotentWrite"
	organization := iam.Pattern{Organization: testOrg}
	environment := iam.Pattern{Organization: testOrg, Environment: testEnv}
	for _, c := range []struct {
		role  string
		on    iam.Pattern
		topic string // operations on topic r
		group string // on group r
		txn   string // on transactional id r
		lkc   string // on the cluster
	}{
		{"DeveloperRead", on("lkc-1", iam.Topic, "r"), "Read Describe", "", "", ""},
		{"DeveloperRead", on("lkc-1", iam.Group, "r"), "", "Read Describe", "", ""},
		{"DeveloperRead", on("lkc-1", iam.TransactionalID, "r"), "", "", "Describe", ""},
		{"DeveloperWrite", on("lkc-1", iam.Topic, "r"), "Write Describe", "", "", "IdempotentWrite"},
		{"DeveloperWrite", on("lkc-1", iam.Group, "r"), "", "", "", ""},
		{"DeveloperWrite", on("lkc-1", iam.TransactionalID, "r"), "", "", "Write Describe", ""},
		{"DeveloperManage", on("lkc-1", iam.Topic, "r"), "Create Delete Describe DescribeConfigs", "", "", ""},
		{"DeveloperManage", on("lkc-1", iam.Group, "r"), "", "Delete Describe", "", ""},
		{"DeveloperManage", on("lkc-1", iam.TransactionalID, "r"), "", "", "Describe", ""},
		{"ResourceOwner", on("lkc-1", iam.Topic, "r"), topicAll, "", "", ""},
		{"ResourceOwner", on("lkc-1", iam.Group, "r"), "", "Read Delete Describe", "", ""},
		{"ResourceOwner", on("lkc-1", iam.TransactionalID, "r"), "", "", "Write Describe", ""},
		{"CloudClusterAdmin", on("lkc-1", 0, ""), topicAll, "Read Delete Describe DescribeConfigs AlterConfigs", "Write Describe", clusterAll},
		{"EnvironmentAdmin", environment, topicAll, "Read Delete Describe DescribeConfigs AlterConfigs", "Write Describe", clusterAll},
		{"OrganizationAdmin", organization, topicAll, "Read Delete Describe DescribeConfigs AlterConfigs", "Write Describe", clusterAll},
		{"Operator", on("lkc-1", 0, ""), "", "", "", ""},
		{"MetricsViewer", organization, "", "", "", ""},
		{"ResourceKeyAdmin", environment, "", "", "", ""},
		{"DataSteward", environment, "", "", "", ""},
		{"DataDiscovery", environment, "", "", "", ""},
		{"FlinkAdmin", environment, "", "", "", ""},
		{"FlinkDeveloper", environment, "", "", "", ""},
		{"AccountAdmin", organization, "", "", "", ""},
		{"BillingAdmin", organization, "", "", "", ""},
		{"NetworkAdmin", organization, "", "", "", ""},
	} {
		r := rules(t, bind(pool, c.role, c.on))
		want := map[iam.ResourceType]string{iam.Topic: c.topic, iam.Group: c.group, iam.TransactionalID: c.txn, iam.Cluster: c.lkc}
		for _, typ := range everyType {
			a := iam.Action{On: iam.Resource{Type: typ, Name: "r"}}
			if typ == iam.Cluster {
				a.On = iam.ClusterResource()
			}
			for op := iam.Operation(0); op < 40; op++ {
				a.Op = op
				allowed := slices.Contains(strings.Fields(want[typ]), op.String())
				if d := r.Decide(identity("lkc-1", pool), a); d.Allowed != allowed {
					t.Errorf("%s on %s: %s = %+v, want %v", c.role, c.on, a, d, allowed)
				}
			}
		}
	}
}

// TestImplied: Kafka's authorizer lets Read, Write, Delete and Alter imply
// Describe, and AlterConfigs DescribeConfigs (AclAuthorizer.authorizeAction).
// The catalogue says so in each row, and no row names what Kafka does not know.
func TestImplied(t *testing.T) {
	for _, r := range roles {
		for typ, ops := range r.ops {
			for _, op := range []iam.Operation{iam.Read, iam.Write, iam.Delete, iam.Alter} {
				if ops.Has(op) && !ops.Has(iam.Describe) {
					t.Errorf("%s: %s on %s without Describe", r.name, op, typ)
				}
			}
			if ops.Has(iam.AlterConfigs) && !ops.Has(iam.DescribeConfigs) {
				t.Errorf("%s: AlterConfigs on %s without DescribeConfigs", r.name, typ)
			}
			if ops&^all[typ] != 0 {
				t.Errorf("%s: %s on %s is not known to Kafka", r.name, operationNames(ops&^all[typ]), typ)
			}
		}
		if len(r.scopes) == 0 {
			t.Errorf("%s can be bound nowhere", r.name)
		}
	}
}

func TestDecide(t *testing.T) {
	r := rules(t,
		bind(pool, "DeveloperRead", on("lkc-1", iam.Topic, "orders")),
		bind(pool, "DeveloperWrite", on("lkc-1", iam.Topic, "team.*")),
		bind("User:pool-b", "DeveloperRead", on("lkc-1", iam.Topic, "*")),
		bind("User:pool-star", "DeveloperRead", iam.Pattern{Organization: testOrg, Environment: testEnv, Cluster: "lkc-1", Type: iam.Group, Name: "*"}),
		bind("User:admin", "CloudClusterAdmin", on("lkc-1", 0, "")),
		bind("User:env", "EnvironmentAdmin", iam.Pattern{Organization: testOrg, Environment: testEnv}),
		bind("User:under", "DeveloperRead", on("lkc-1", iam.Topic, "__*")),
		bind("User:own", "ResourceOwner", on("lkc-1", iam.Topic, "__klamm_state")),
		bind("User:offsets", "ResourceOwner", on("lkc-1", iam.Topic, "__consumer_offsets")),
		bind("Group:devs", "DeveloperRead", on("lkc-1", iam.Group, "g")),
	)
	some := func(op iam.Operation, t iam.ResourceType) iam.Action {
		return iam.Action{Op: op, On: iam.Resource{Type: t, Any: true}}
	}
	both := iam.Identity{Principal: "crn://confluent.cloud/organization=o/identity-provider=op-1/identity=x", Acting: []iam.Principal{pool, "User:pool-b"}, Cluster: "lkc-1"}
	for _, c := range []struct {
		what   string
		id     iam.Identity
		a      iam.Action
		want   string // id of the binding; "" for a refusal
		reason string
	}{
		{"literal", identity("lkc-1", pool), act(iam.Read, iam.Topic, "orders"), "rb-0", ""},
		{"longer than the literal", identity("lkc-1", pool), act(iam.Read, iam.Topic, "orders2"), "", reasonNone},
		{"shorter than the literal", identity("lkc-1", pool), act(iam.Read, iam.Topic, "order"), "", reasonNone},
		{"other case", identity("lkc-1", pool), act(iam.Read, iam.Topic, "Orders"), "", reasonNone},
		{"prefix", identity("lkc-1", pool), act(iam.Write, iam.Topic, "team.a"), "rb-1", ""},
		{"the prefix itself", identity("lkc-1", pool), act(iam.Write, iam.Topic, "team."), "rb-1", ""},
		{"less than the prefix", identity("lkc-1", pool), act(iam.Write, iam.Topic, "team"), "", reasonNone},
		{"other cluster", identity("lkc-2", pool), act(iam.Read, iam.Topic, "orders"), "", reasonNone},
		{"no cluster", identity("", "User:env"), act(iam.Read, iam.Topic, "orders"), "", reasonNowhere},
		{"other type", identity("lkc-1", pool), act(iam.Read, iam.Group, "orders"), "", reasonNone},
		{"type unknown", identity("lkc-1", "User:admin"), iam.Action{Op: iam.Read, On: iam.Resource{Type: 7, Name: "x"}}, "", reasonNone},
		{"no type", identity("lkc-1", "User:admin"), act(iam.Read, 0, "x"), "", reasonNone},
		{"nobody", identity("lkc-1", ""), act(iam.Read, iam.Topic, "orders"), "", reasonNone},
		{"zero action", identity("lkc-1", "User:admin"), iam.Action{}, "", reasonNone},
		{"every topic by a prefix", identity("lkc-1", pool), act(iam.Write, iam.Topic, "*"), "", reasonNone},
		{"every topic by *", identity("lkc-1", "User:pool-b"), act(iam.Describe, iam.Topic, "*"), "rb-2", ""},
		{"every topic by an admin", identity("lkc-1", "User:admin"), act(iam.Describe, iam.Topic, "*"), "rb-4", ""},
		{"every group by a literal *", identity("lkc-1", "User:pool-star"), act(iam.Describe, iam.Group, "*"), "", reasonNone},
		{"some topic", identity("lkc-1", pool), some(iam.Write, iam.Topic), "rb-1", ""},
		{"some topic, not so", identity("lkc-1", pool), some(iam.Create, iam.Topic), "", reasonNone},
		{"some topic by an admin", identity("lkc-9", "User:env"), some(iam.Create, iam.Topic), "rb-5", ""},
		{"some topic by klamm's own", identity("lkc-1", "User:own"), some(iam.Write, iam.Topic), "", reasonNone},
		{"idempotence by klamm's own", identity("lkc-1", "User:own"), iam.Action{Op: iam.IdempotentWrite, On: iam.ClusterResource()}, "", reasonNone},
		{"some topic by an internal one", identity("lkc-1", "User:offsets"), some(iam.Write, iam.Topic), "", reasonNone},
		{"idempotence", identity("lkc-1", pool), iam.Action{Op: iam.IdempotentWrite, On: iam.ClusterResource()}, "rb-1", ""},
		{"cluster by a topic", identity("lkc-1", pool), iam.Action{Op: iam.Describe, On: iam.ClusterResource()}, "", reasonNone},
		{"environment", identity("lkc-7", "User:env"), act(iam.Delete, iam.Topic, "x"), "rb-5", ""},
		{"union, first", both, act(iam.Write, iam.Topic, "team.x"), "rb-1", ""},
		{"union, second", both, act(iam.Read, iam.Topic, "team.x"), "rb-2", ""},
		{"union of different topics", both, act(iam.Write, iam.Topic, "orders"), "", reasonNone},
		{"group principal", identity("lkc-1", pool, "Group:devs"), act(iam.Read, iam.Group, "g"), "rb-9", ""},
		// Names that bindings do not reach.
		{"klamm's topic by *", identity("lkc-1", "User:pool-b"), act(iam.Read, iam.Topic, "__klamm_state"), "", reasonReserved},
		{"klamm's topic by name", identity("lkc-1", "User:own"), act(iam.Describe, iam.Topic, "__klamm_state"), "", reasonReserved},
		{"klamm's topic by an admin", identity("lkc-1", "User:admin"), act(iam.Describe, iam.Topic, "__klamm_state"), "", reasonReserved},
		{"klamm's group", identity("lkc-1", "User:env"), act(iam.Read, iam.Group, "__klamm"), "", reasonReserved},
		{"klamm's transactional id", identity("lkc-1", "User:env"), act(iam.Write, iam.TransactionalID, "__klamm-tx"), "", reasonReserved},
		{"internal by *", identity("lkc-1", "User:pool-b"), act(iam.Read, iam.Topic, "__consumer_offsets"), "", reasonInternal},
		{"internal by a prefix", identity("lkc-1", "User:under"), act(iam.Read, iam.Topic, "__transaction_state"), "", reasonInternal},
		{"not internal by a prefix", identity("lkc-1", "User:under"), act(iam.Read, iam.Topic, "__other"), "rb-6", ""},
		{"internal by name", identity("lkc-1", "User:offsets"), act(iam.Read, iam.Topic, "__consumer_offsets"), "", reasonInternal},
		{"internal by an admin", identity("lkc-1", "User:admin"), act(iam.Read, iam.Topic, "__share_group_state"), "rb-4", ""},
		{"internal, written by an admin", identity("lkc-1", "User:env"), act(iam.Write, iam.Topic, "__consumer_offsets"), "", reasonInternal},
		{"a group called like it", identity("lkc-1", "User:admin"), act(iam.Delete, iam.Group, "__consumer_offsets"), "rb-4", ""},
	} {
		d := r.Decide(c.id, c.a)
		if d.Allowed != (c.want != "") || d.Binding != c.want || d.Reason != c.reason {
			t.Errorf("%s: %s = %+v, want %q %q", c.what, c.a, d, c.want, c.reason)
		}
		if d.Allowed {
			if r.Scope(d.Binding) == (iam.Pattern{}) || d.Role == "" || !slices.Contains(c.id.Acting, d.Acting) {
				t.Errorf("%s: %+v at %v names nobody of %v", c.what, d, r.Scope(d.Binding), c.id.Acting)
			}
		}
	}
}

func TestZeroRulesRefuse(t *testing.T) {
	var r Rules
	if d := r.Decide(identity("lkc-1", pool), act(iam.Read, iam.Topic, "x")); d.Allowed {
		t.Errorf("%+v", d)
	}
	if r.Scope("rb-1") != (iam.Pattern{}) {
		t.Error("a binding of no rules has a scope")
	}
}

func TestCompileRefuses(t *testing.T) {
	topic := on("lkc-1", iam.Topic, "x")
	for _, c := range []struct {
		b             iam.Binding
		message, hint string
	}{
		{bind("", "DeveloperRead", topic), "principal", "User:"},
		{bind("pool-a", "DeveloperRead", topic), "principal", "User:"},
		{bind(pool, "developerread", topic), "no role", "DeveloperRead"},
		{bind(pool, "SuperUser", topic), "no role", "CloudClusterAdmin"},
		{bind(pool, "", topic), "no role", "CloudClusterAdmin"},
		{bind(pool, "DeveloperRead", on("lkc-1", 0, "")), "scope cluster", "needs a resource"},
		{bind(pool, "ResourceOwner", iam.Pattern{Organization: testOrg, Environment: testEnv}), "scope environment", "needs a resource"},
		{bind(pool, "CloudClusterAdmin", topic), "scope resource", "scope cluster"},
		{bind(pool, "CloudClusterAdmin", iam.Pattern{Organization: testOrg}), "scope organization", "scope cluster"},
		{bind(pool, "EnvironmentAdmin", on("lkc-1", 0, "")), "scope cluster", "scope environment"},
		{bind(pool, "OrganizationAdmin", iam.Pattern{Organization: testOrg, Environment: testEnv}), "scope environment", "scope organization"},
		{bind(pool, "Operator", topic), "scope resource", "organization or environment or cluster"},
		{bind(pool, "OrganizationAdmin", iam.Pattern{}), "organization", "Organization document"},
		{bind(pool, "OrganizationAdmin", iam.Pattern{Organization: "other"}), "organization", "Organization document"},
		{bind(pool, "EnvironmentAdmin", iam.Pattern{Organization: testOrg, Environment: "env-2"}), "environment", "Organization document"},
		{bind(pool, "DeveloperRead", iam.Pattern{Organization: testOrg, Cluster: "lkc-1", Type: iam.Topic, Name: "x"}), "environment", "Organization document"},
		{bind(pool, "DeveloperRead", iam.Pattern{Organization: testOrg, Environment: testEnv, Type: iam.Topic, Name: "x"}), "without a cluster", "cluster"},
		{bind(pool, "DeveloperRead", on("lkc-1", iam.Topic, "")), "no name", "*"},
		{bind(pool, "DeveloperManage", on("lkc-1", iam.Cluster, "kafka-cluster")), "type Cluster", "whole cluster"},
		{bind(pool, "DeveloperManage", on("lkc-1", 9, "x")), "type Unknown", "whole cluster"},
	} {
		c.b.Origin = "identity/a.yaml:3:1"
		r, err := Compile(snapshot(c.b))
		wrong, ok := errors.AsType[*BindingError](err)
		if !ok || r != nil || !strings.Contains(wrong.Message, c.message) || !strings.Contains(wrong.Hint, c.hint) || !strings.HasPrefix(wrong.Error(), "identity/a.yaml:3:1: role binding rb-0: ") {
			t.Errorf("%+v: %v, %+v, want %q with hint %q", c.b, r, wrong, c.message, c.hint)
		}
	}
}

func TestCompileNamesEachWrongBinding(t *testing.T) {
	topic := on("lkc-1", iam.Topic, "x")
	_, err := Compile(snapshot(bind(pool, "A", topic), bind(pool, "DeveloperRead", topic), bind(pool, "B", topic)))
	want := "role binding rb-0: there is no role \"A\"\nrole binding rb-2: there is no role \"B\""
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCompileWithoutOrganization(t *testing.T) {
	if _, err := Compile(&iam.Snapshot{}); err != nil {
		t.Errorf("a snapshot without bindings: %v", err)
	}
	s := &iam.Snapshot{Bindings: map[string]iam.Binding{"rb-0": {ID: "rb-0", Principal: pool, Role: "OrganizationAdmin"}}}
	if _, err := Compile(s); err == nil {
		t.Error("a binding without a scope holds for everything")
	}
}

func TestRolesMarkdown(t *testing.T) {
	table := RolesMarkdown()
	for _, line := range []string{
		"| role | bound at | Topic | Group | TransactionalId | Cluster |",
		"| DeveloperRead | resource | Read, Describe | Read, Describe | Describe | – |",
		"| DeveloperWrite | resource | Write, Describe | – | Write, Describe | IdempotentWrite |",
		"| Operator | organization, environment, cluster | – | – | – | – |",
	} {
		if !strings.Contains(table, line+"\n") {
			t.Errorf("no line %q in\n%s", line, table)
		}
	}
	if got, want := strings.Count(table, "\n"), len(roles)+2; got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
}

func TestCompileLeavesTheSnapshotAlone(t *testing.T) {
	s := snapshot(bind(pool, "DeveloperRead", on("lkc-1", iam.Topic, "x")))
	before := maps.Clone(s.Bindings)
	r, _ := Compile(s)
	s.Bindings["rb-0"] = iam.Binding{}
	if d := r.Decide(identity("lkc-1", pool), act(iam.Read, iam.Topic, "x")); !d.Allowed || r.Scope("rb-0") != before["rb-0"].On {
		t.Errorf("%+v: the rules follow the snapshot", d)
	}
}
