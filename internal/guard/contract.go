// Package guard is the one door: authenticate, decide, audit, inseparable. No
// surface can do one of them without the others, and every open session is
// known here so that it can be listed, reassessed, expired and killed.
//
// It verifies no token and knows no role: an [Authenticator] and an
// [Authorizer] do, and policy is both.
package guard

import (
	"context"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// Authenticator turns a credential into an identity.
type Authenticator interface {
	// Authenticate returns the steps it took in either case; the last step of a
	// refusal has its Code set. The error is a fault whose Kind tells a refusal
	// (Unauthenticated, Malformed) from a failure of ours, and whose Message is
	// what the client may read.
	Authenticate(context.Context, iam.Credential) (iam.Identity, []iam.Step, error)
	// Reassess evaluates the same claims under the rules in force now.
	Reassess(iam.Identity) (iam.Identity, []iam.Step, error)
}

// Authorizer decides. It never fails: what it cannot decide it refuses.
type Authorizer interface {
	Generation() uint64 // number of the rules in force
	Decide(iam.Identity, iam.Action) iam.Decision
	// Enough describes role bindings that would allow the action, for explain.
	Enough(iam.Identity, iam.Action) []string
}

// Sink keeps audit records. Record returns after a refusal is safely kept.
type Sink interface {
	Record(context.Context, audit.Record) error
}

// Origin is where a party comes from.
type Origin struct {
	IP         string
	Port       int
	Connection string // id of the connection in audit events
	Surface    string // "SASL_SSL/OAUTHBEARER"
}

// Call is the request that a decision belongs to.
type Call struct {
	Method      string // "kafka.Produce"
	ClientID    string
	Correlation int32
}
