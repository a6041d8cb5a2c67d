package iam

import "strings"

// ResourceType is a kind of Kafka resource, with Kafka's own numbers
// (org.apache.kafka.common.resource.ResourceType). The zero value stands for
// no particular type: in a [Pattern], the whole cluster.
type ResourceType uint8

const (
	Topic           ResourceType = 2
	Group           ResourceType = 3
	Cluster         ResourceType = 4 // the Kafka cluster itself
	TransactionalID ResourceType = 5
)

// resourceTypes says how each type is written: in Kafka, as a segment of a
// CRN, and as a key of an identity document.
var resourceTypes = []struct {
	t                  ResourceType
	name, segment, key string
}{
	{Topic, "Topic", "topic", "topic"},
	{Group, "Group", "group", "group"},
	{Cluster, "Cluster", "kafka-cluster", ""},
	{TransactionalID, "TransactionalId", "transactional-id", "transactional_id"},
}

func (t ResourceType) String() string {
	for _, r := range resourceTypes {
		if r.t == t {
			return r.name
		}
	}
	return "Unknown"
}

// Resource is one Kafka resource that an [Action] is about.
type Resource struct {
	Type ResourceType
	Name string // "kafka-cluster" for the cluster itself
	// Any asks for the operation on any resource of the type, as in "Write on
	// any topic" (KIP-679); Name is empty then.
	Any bool
}

// ClusterResource is the Kafka cluster itself.
var clusterResource = Resource{Type: Cluster, Name: "kafka-cluster"}

// ClusterResource is the Kafka cluster itself, as Kafka names it.
func ClusterResource() Resource { return clusterResource }

func (r Resource) String() string {
	if r.Any {
		return "any " + r.Type.String()
	}
	return r.Type.String() + " " + r.Name
}

// ReservedPrefix begins the name of every topic, group and transactional id
// that klamm keeps for itself. No principal may see or touch them.
const ReservedPrefix = "__klamm"

// internalTopics are Kafka's own; a pattern that ends in * never covers them.
var internalTopics = map[string]bool{"__consumer_offsets": true, "__transaction_state": true, "__share_group_state": true}

// Reserved reports whether the resource is klamm's own.
func (r Resource) Reserved() bool {
	return r.Type != Cluster && strings.HasPrefix(r.Name, ReservedPrefix)
}

// Internal reports whether the resource is one of Kafka's own topics, which
// only cluster administrators may read.
func (r Resource) Internal() bool { return r.Type == Topic && internalTopics[r.Name] }

// Action is an operation on a resource.
type Action struct {
	Op Operation
	On Resource
}

func (a Action) String() string { return a.Op.String() + " on " + a.On.String() }

// Decision is the answer to an [Action]. The zero value refuses.
type Decision struct {
	Allowed bool
	Binding string // id of the role binding that allowed it
	Role    string // name of its role
	Acting  Principal
	Reason  string // why it was refused, or which rule decided, for explain
}
