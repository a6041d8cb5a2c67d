// Package iam holds the nouns of identity: who may do what on which resource,
// and the words in which klamm speaks of it.
//
// It does no I/O, verifies no token and decides nothing: authn and authz do.
// Names of operations and resource types are Kafka's, names of objects and
// CRNs are Confluent Cloud's.
package iam
