package iam

import "strings"

// Principal is who acts, in Kafka's form TYPE:NAME ("User:pool-orders"), or
// the CRN of an identity when several pools act together.
type Principal string

// Anonymous is the principal of a party that nobody knows, as Confluent's
// audit log writes it.
const Anonymous Principal = "None:UNKNOWN_USER"

// PoolPrincipal is the principal of one pool.
func PoolPrincipal(id string) Principal { return Principal("User:" + id) }

// ResourceID is the name without its type: "pool-orders" for "User:pool-orders".
// A CRN has none.
func (p Principal) ResourceID() string {
	if _, name, ok := strings.Cut(string(p), ":"); ok && !strings.HasPrefix(string(p), "crn:") {
		return name
	}
	return ""
}

// Valid reports whether p can be bound to a role: "User:" or "Group:" and a name.
func (p Principal) Valid() bool {
	kind, name, ok := strings.Cut(string(p), ":")
	return ok && name != "" && (kind == "User" || kind == "Group")
}
