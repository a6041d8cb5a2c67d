package iam

// Operation is an ACL operation with Kafka's own numbers
// (org.apache.kafka.common.acl.AclOperation), so that a set of them is the bit
// field of authorizedOperations (KIP-430).
type Operation uint8

const (
	Read            Operation = 3
	Write           Operation = 4
	Create          Operation = 5
	Delete          Operation = 6
	Alter           Operation = 7
	Describe        Operation = 8
	ClusterAction   Operation = 9
	DescribeConfigs Operation = 10
	AlterConfigs    Operation = 11
	IdempotentWrite Operation = 12
)

var operationNames = [...]string{
	Read: "Read", Write: "Write", Create: "Create", Delete: "Delete", Alter: "Alter", Describe: "Describe",
	ClusterAction: "ClusterAction", DescribeConfigs: "DescribeConfigs", AlterConfigs: "AlterConfigs", IdempotentWrite: "IdempotentWrite",
}

// Operations are all operations, in the order of their numbers.
var operations = []Operation{Read, Write, Create, Delete, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite}

// Operations lists every operation in the order of its number.
func Operations() []Operation { return append([]Operation(nil), operations...) }

func (o Operation) String() string {
	if int(o) < len(operationNames) && operationNames[o] != "" {
		return operationNames[o]
	}
	return "Unknown"
}

// OperationSet is a set of operations as the bit field of KIP-430: bit n
// stands for the operation with number n.
type OperationSet uint32

// SetOf makes a set.
func SetOf(ops ...Operation) OperationSet {
	var s OperationSet
	for _, o := range ops {
		s |= 1 << o
	}
	return s
}

// Has reports whether o is in the set.
func (s OperationSet) Has(o Operation) bool { return o < 32 && s&(1<<o) != 0 }
