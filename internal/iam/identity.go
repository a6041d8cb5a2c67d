package iam

import (
	"time"

	"github.com/klammhq/klamm/internal/secret"
)

// Credential is what a party shows at the door.
type Credential struct {
	Mechanism string        // SASL mechanism: "OAUTHBEARER"
	Token     secret.String // the bearer token
	// Malformed says why the client's message cannot be read, and Mend what to
	// do about it; both are "" for one that was read. There is no Token then.
	Malformed, Mend string
	// Cluster is the logical cluster that the address stands for. It is not
	// the client's word.
	Cluster string
	// LogicalCluster is the extension logicalCluster as sent; "" when absent.
	LogicalCluster string
	// LogicalClusterOptional lets LogicalCluster be absent, never wrong.
	LogicalClusterOptional bool
	// PoolSelection is the extension identityPoolId byte for byte: one id, a
	// comma list, or "" for all pools that match.
	PoolSelection string
}

// Identity is a credential that was found good.
type Identity struct {
	Principal Principal   // who acts
	Acting    []Principal // whose role bindings count: the pools' principals; the union of their rights
	CRN       string      // crn://confluent.cloud/organization=O/identity-provider=op-x/identity=CLAIM
	Provider  string      // id of the provider
	Pools     []string    // ids of the pools, sorted
	Claim     string      // value of the identity claim
	Cluster   string      // logical cluster it was let in to

	Mechanism      string
	LogicalCluster string // as the client sent it
	PoolSelection  string // as the client sent it

	Expires    time.Time      // end of the token; the session ends here
	Claims     map[string]any // verified claims, for a reassessment; never printed
	Key        string         // thumbprint of the key that verified it (RFC 7638)
	Generation uint64         // snapshot that the identity was made under
}

// Step is one thing that was looked at on the way to a decision, for explain.
// Steps never hold a token or a secret; claim values are the token's own words
// and stay inside klamm.
type Step struct {
	Name   string `json:"step"` // "issuer", "signature", "pool pool-orders"
	OK     bool   `json:"ok"`
	Saw    string `json:"saw,omitempty"`
	Wanted string `json:"wanted,omitempty"`
	Mend   string `json:"mend,omitempty"` // further lines are to be copied as they are
	Code   Code   `json:"code,omitempty"` // set on the step that refused
}

// Code names a way to be refused: lower-case words joined by hyphens, stable.
type Code string
