package authz

import (
	"fmt"
	"slices"
	"testing"

	"github.com/klammhq/klamm/internal/iam"
)

func TestRights(t *testing.T) {
	r := rules(t,
		bind(pool, "DeveloperWrite", on("lkc-1", iam.Topic, "orders*")),
		bind(pool, "DeveloperRead", on("lkc-1", iam.Group, "orders")),
		bind(pool, "DeveloperRead", on("lkc-2", iam.Topic, "elsewhere")),
		bind(pool, "ResourceOwner", on("lkc-1", iam.Topic, "__klamm_state")),
		bind("User:pool-b", "CloudClusterAdmin", on("lkc-1", 0, "")),
		bind("User:pool-c", "OrganizationAdmin", iam.Pattern{Organization: testOrg}),
		bind("User:pool-d", "MetricsViewer", on("lkc-1", 0, "")),
	)
	var got []string
	r.Rights("lkc-1", func(p iam.Principal, on iam.Pattern, ops iam.OperationSet) {
		got = append(got, fmt.Sprintf("%s %s %q %v %s", p, on.Type, on.Name, on.Prefix, operationNames(ops)))
		for o := range iam.Operation(32) { // what is told is what is decided
			a := iam.Action{Op: o, On: iam.Resource{Type: on.Type, Name: on.Name}}
			if on.Prefix {
				a.On.Name += "x"
			}
			if d := r.Decide(identity("lkc-1", p), a); ops.Has(o) && !d.Allowed {
				t.Errorf("%s is told and not allowed to %s", a, p)
			}
		}
	})
	want := []string{
		`User:pool-a Topic "orders" true Write, Describe`,
		`User:pool-a Cluster "kafka-cluster" false IdempotentWrite`,
		`User:pool-a Group "orders" false Read, Describe`,
	}
	for _, p := range []string{"User:pool-b", "User:pool-c"} {
		for _, t := range []iam.ResourceType{iam.Topic, iam.Group, iam.Cluster, iam.TransactionalID} {
			name, prefix := "", true
			if t == iam.Cluster {
				name, prefix = "kafka-cluster", false
			}
			want = append(want, fmt.Sprintf("%s %s %q %v %s", p, t, name, prefix, operationNames(all[t])))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	new(Rules).Rights("lkc-1", func(iam.Principal, iam.Pattern, iam.OperationSet) { t.Error("no rules tell something") })
}
