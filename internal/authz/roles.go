package authz

import (
	"fmt"
	"strings"

	"github.com/klammhq/klamm/internal/iam"
)

// role is one row of the catalogue.
type role struct {
	name   string
	scopes []iam.Scope // levels at which it may be bound
	// ops by type of resource. A binding on a resource gives those of the
	// resource's own type only, a wider one those of all types.
	ops map[iam.ResourceType]iam.OperationSet
	// aside is what a binding on a topic gives on the cluster: an idempotent
	// producer needs no more than Write on a topic (KIP-679).
	aside iam.OperationSet
}

// all is every operation that Kafka knows for a type
// (org.apache.kafka.security.authorizer.AclEntry.supportedOperations).
var all = map[iam.ResourceType]iam.OperationSet{
	iam.Topic: iam.SetOf(iam.Read, iam.Write, iam.Create, iam.Delete, iam.Alter, iam.Describe, iam.DescribeConfigs, iam.AlterConfigs),
	iam.Group: iam.SetOf(iam.Read, iam.Delete, iam.Describe, iam.DescribeConfigs, iam.AlterConfigs),
	iam.Cluster: iam.SetOf(iam.Create, iam.Alter, iam.Describe, iam.ClusterAction, iam.DescribeConfigs, iam.AlterConfigs,
		iam.IdempotentWrite),
	iam.TransactionalID: iam.SetOf(iam.Write, iam.Describe),
}

var (
	atOrganization = []iam.Scope{iam.ScopeOrganization}
	atEnvironment  = []iam.Scope{iam.ScopeEnvironment}
	atCluster      = []iam.Scope{iam.ScopeCluster}
	atResource     = []iam.Scope{iam.ScopeResource}
	aboveResource  = []iam.Scope{iam.ScopeOrganization, iam.ScopeEnvironment, iam.ScopeCluster}
)

// roles are Confluent Cloud's predefined roles (documentation, "Predefined RBAC
// Roles in Confluent Cloud") as far as they concern Kafka resources. Describe
// stands beside each operation that implies it, and DescribeConfigs beside
// AlterConfigs, as Kafka's authorizer has it; so a decision looks at one
// operation. Cluster operations of DeveloperManage are left out: it is bound
// to a resource, and a binding counts for the type that it names.
var roles = []role{
	{name: "DeveloperRead", scopes: atResource, ops: map[iam.ResourceType]iam.OperationSet{
		iam.Topic:           iam.SetOf(iam.Read, iam.Describe),
		iam.Group:           iam.SetOf(iam.Read, iam.Describe),
		iam.TransactionalID: iam.SetOf(iam.Describe),
	}},
	{name: "DeveloperWrite", scopes: atResource, aside: iam.SetOf(iam.IdempotentWrite), ops: map[iam.ResourceType]iam.OperationSet{
		iam.Topic:           iam.SetOf(iam.Write, iam.Describe),
		iam.TransactionalID: iam.SetOf(iam.Write, iam.Describe),
	}},
	{name: "DeveloperManage", scopes: atResource, ops: map[iam.ResourceType]iam.OperationSet{
		iam.Topic:           iam.SetOf(iam.Create, iam.Delete, iam.Describe, iam.DescribeConfigs),
		iam.Group:           iam.SetOf(iam.Describe, iam.Delete),
		iam.TransactionalID: iam.SetOf(iam.Describe),
	}},
	{name: "ResourceOwner", scopes: atResource, ops: map[iam.ResourceType]iam.OperationSet{
		iam.Topic:           all[iam.Topic],
		iam.Group:           iam.SetOf(iam.Read, iam.Describe, iam.Delete),
		iam.TransactionalID: all[iam.TransactionalID],
	}},
	{name: "CloudClusterAdmin", scopes: atCluster, ops: all},
	{name: "EnvironmentAdmin", scopes: atEnvironment, ops: all},
	{name: "OrganizationAdmin", scopes: atOrganization, ops: all},
	// Roles without rights on data.
	{name: "Operator", scopes: aboveResource},
	{name: "MetricsViewer", scopes: aboveResource},
	{name: "ResourceKeyAdmin", scopes: aboveResource},
	{name: "DataDiscovery", scopes: atEnvironment},
	{name: "DataSteward", scopes: atEnvironment},
	{name: "FlinkDeveloper", scopes: atEnvironment},
	{name: "FlinkAdmin", scopes: atEnvironment},
	{name: "AccountAdmin", scopes: atOrganization},
	{name: "BillingAdmin", scopes: atOrganization},
	{name: "NetworkAdmin", scopes: atOrganization},
}

// roleNamed finds a role; names are compared byte for byte.
func roleNamed(name string) (*role, bool) {
	for i := range roles {
		if roles[i].name == name {
			return &roles[i], true
		}
	}
	return nil, false
}

// on is what a binding of the role gives on resources of type t when it names
// a resource of the type bound; zero stands for a wider scope.
func (r *role) on(t, bound iam.ResourceType) iam.OperationSet {
	switch {
	case bound == 0 || bound == t:
		return r.ops[t]
	case bound == iam.Topic && t == iam.Cluster:
		return r.aside
	}
	return 0
}

// RolesMarkdown is the catalogue as a table for the documentation.
func RolesMarkdown() string {
	types := []iam.ResourceType{iam.Topic, iam.Group, iam.TransactionalID, iam.Cluster}
	var b strings.Builder
	b.WriteString("| role | bound at |")
	for _, t := range types {
		fmt.Fprintf(&b, " %s |", t)
	}
	b.WriteString("\n|---|---|---|---|---|---|\n")
	for _, r := range roles {
		fmt.Fprintf(&b, "| %s | %s |", r.name, strings.ReplaceAll(strings.Trim(fmt.Sprint(r.scopes), "[]"), " ", ", "))
		for _, t := range types {
			fmt.Fprintf(&b, " %s |", operationNames(r.ops[t]|r.on(t, iam.Topic)))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func operationNames(set iam.OperationSet) string {
	var names []string
	for _, o := range iam.Operations() {
		if set.Has(o) {
			names = append(names, o.String())
		}
	}
	if names == nil {
		return "–"
	}
	return strings.Join(names, ", ")
}
