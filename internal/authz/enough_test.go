package authz

import (
	"slices"
	"testing"

	"github.com/klammhq/klamm/internal/iam"
)

func TestEnough(t *testing.T) {
	line := func(principal, role, on string) string {
		return `{kind: RoleBinding, principal: "` + principal + `", role: ` + role + `, ` + on + `}`
	}
	topic := func(role, name string) []string {
		return []string{line("User:pool-a", role, `on: {cluster: lkc-1, topic: "`+name+`"}`)}
	}
	admin := []string{line("User:pool-a", "CloudClusterAdmin", "on: {cluster: lkc-1}")}
	several := iam.Identity{Principal: "crn://confluent.cloud/organization=o/identity-provider=op-1/identity=x", Acting: []iam.Principal{"User:pool-a", "User:pool-b"}, Cluster: "lkc-1"}
	r := rules(t)
	for _, c := range []struct {
		id   iam.Identity
		a    iam.Action
		want []string
	}{
		{identity("lkc-1", pool), act(iam.Read, iam.Topic, "orders"), topic("DeveloperRead", "orders")},
		{identity("lkc-1", pool), act(iam.Write, iam.Topic, "orders"), topic("DeveloperWrite", "orders")},
		{identity("lkc-1", pool), act(iam.Create, iam.Topic, "orders"), topic("DeveloperManage", "orders")},
		{identity("lkc-1", pool), act(iam.AlterConfigs, iam.Topic, "orders"), topic("ResourceOwner", "orders")},
		{identity("lkc-1", pool), act(iam.Describe, iam.Topic, "orders"), slices.Concat(topic("DeveloperRead", "orders"), topic("DeveloperWrite", "orders"), topic("DeveloperManage", "orders"))},
		{identity("lkc-1", pool), act(iam.Read, iam.Topic, "*"), topic("DeveloperRead", "*")},
		{identity("lkc-1", pool), iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Any: true}}, topic("DeveloperWrite", "TOPIC")},
		{identity("lkc-1", pool), iam.Action{Op: iam.IdempotentWrite, On: iam.ClusterResource()}, topic("DeveloperWrite", "TOPIC")},
		{identity("lkc-1", pool), iam.Action{Op: iam.Create, On: iam.ClusterResource()}, admin},
		{identity("lkc-1", pool), act(iam.Read, iam.Group, `g"1`), []string{line("User:pool-a", "DeveloperRead", `on: {cluster: lkc-1, group: "g\"1"}`)}},
		{identity("lkc-1", pool), act(iam.AlterConfigs, iam.Group, "g"), admin},
		{identity("lkc-1", pool), act(iam.Write, iam.TransactionalID, "tx"), []string{line("User:pool-a", "DeveloperWrite", `on: {cluster: lkc-1, transactional_id: "tx"}`)}},
		{identity("lkc-1", pool), act(iam.Read, iam.Group, "g*"), []string{line("User:pool-a", "DeveloperRead", `crn: "crn://confluent.cloud/organization=`+testOrg+`/environment=env-1/cloud-cluster=lkc-1/kafka=lkc-1/group=g%2A"`)}},
		{several, act(iam.Write, iam.Topic, "t"), []string{line("User:pool-a", "DeveloperWrite", `on: {cluster: lkc-1, topic: "t"}`), line("User:pool-b", "DeveloperWrite", `on: {cluster: lkc-1, topic: "t"}`)}},
		{identity("lkc-1", pool), act(iam.Read, iam.Topic, "__consumer_offsets"), admin},
		{identity("lkc-1", pool), act(iam.Write, iam.Topic, "__consumer_offsets"), nil},
		{identity("lkc-1", pool), act(iam.Read, iam.Topic, "__klamm_state"), nil},
		{identity("lkc-1", pool), act(iam.Write, iam.Group, "g"), nil},
		{identity("", pool), act(iam.Read, iam.Topic, "orders"), nil},
		{identity("lkc-1", iam.Anonymous), act(iam.Read, iam.Topic, "orders"), nil},
	} {
		if got := r.Enough(c.id, c.a); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.a, got, c.want)
		}
	}
}
