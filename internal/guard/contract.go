// Package guard is the one door: authenticate, decide, audit, inseparable. No
// surface can do one of them without the others, and every open session is
// known here so that it can be listed, reassessed, expired and killed.
//
// It verifies no token and knows no role: an [Authenticator] and an
// [Authorizer] do, and policy is both.
package guard

import (
	"context"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/iam"
)

// Authenticator turns a credential into an identity.
type Authenticator interface {
	// Authenticate returns the steps it took in either case; the last step of a
	// refusal has its Code set. The error is a fault whose Kind tells a refusal
	// (Unauthenticated, Malformed) from a failure of ours, and whose Message is
	// what the client may read. The identity of a refusal holds what was
	// verified before it (provider, claim), for the audit log only.
	Authenticate(context.Context, iam.Credential) (iam.Identity, []iam.Step, error)
	// Reassess evaluates the same claims under the rules in force now. The
	// identity it returns carries their generation.
	Reassess(iam.Identity) (iam.Identity, []iam.Step, error)
}

// Authorizer decides. It never fails: what it cannot decide it refuses.
type Authorizer interface {
	Generation() uint64 // number of the rules in force
	Decide(iam.Identity, iam.Action) iam.Decision
	// Enough describes role bindings that would allow the action, for explain.
	Enough(iam.Identity, iam.Action) []string
	// Scope is where a role binding of a [iam.Decision] stands, for audit; the
	// zero Pattern when it is gone.
	Scope(binding string) iam.Pattern
}

// Sink keeps audit records, those of one call together. Record returns after
// the refusals among them are safely kept.
type Sink interface {
	Record(context.Context, ...audit.Record) error
}

// Observer counts. No argument ever comes from a claim: outcomes are codes of
// the tables of refusals, methods are the surface's own names.
type Observer interface {
	Login(outcome string, took time.Duration) // "ok" or an iam.Code
	Refused(method string)                    // an action was refused
	Sessions(open int)                        // their number changed
	Unwritten(why string, events int)         // audit events that are missing, or that others stand for
}

// Why an audit event is not written.
const (
	Lost    = "lost"    // it could not be kept
	Counted = "counted" // refusals: another event says how many
	Spared  = "spared"  // permissions of a principal that was audited for very many
)

// Origin is where a party comes from.
type Origin struct {
	IP         string
	Port       int
	Connection string // id of the connection in audit events
	Surface    string // "SASL_SSL/OAUTHBEARER"
	ClientID   string // what the party calls itself, for explain; may be empty
}

// Call is the request that a decision belongs to. Its strings may lie in a
// buffer that is reused after the call; what is kept is copied.
type Call struct {
	Method      string // "kafka.Produce"
	ClientID    string
	Correlation int32
	// Held keeps what is refused until [Session.Settle]; nil writes it at once.
	Held *Held
}
