// Package policy compiles a snapshot of identity into rules, and holds the
// rules in force: one pointer, swapped at once, so that no decision ever sees
// half of a change. Key sets outlive the rules that use them.
//
// It reads no file and watches no store; app hands it snapshots. What it
// cannot compile never comes into force.
package policy

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/authz"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Warning is something that a snapshot may say but rarely should.
type Warning = authn.Warning

// Policy is the rules of one snapshot. It is immutable.
type Policy struct {
	Generation uint64
	Authn      *authn.Authenticator
	Authz      *authz.Rules

	ring *Keyring
	keys map[source]bool // the key sets in use
}

// Compile checks a snapshot and makes its rules. The error joins one fault for
// each mistake, with its place in Where; warnings come in either case.
func Compile(s *iam.Snapshot, ring *Keyring, o authn.Options) (*Policy, []Warning, error) {
	trust, used, keys := ring.trust(s)
	a, warnings, identity := authn.Compile(s, trust, o)
	rules, bindings := authz.Compile(s)
	warnings = append(warnings, idle(s)...)
	if err := errors.Join(keys, identity, placed(bindings)); err != nil {
		return nil, warnings, err
	}
	return &Policy{Generation: s.Generation, Authn: a, Authz: rules, ring: ring, keys: used}, warnings, nil
}

// placed turns what authz found into faults.
func placed(err error) error {
	if err == nil {
		return nil
	}
	var list []error
	for _, one := range flatten(err) {
		b, ok := errors.AsType[*authz.BindingError](one)
		if !ok {
			list = append(list, fault.New(fault.Invalid, "the role bindings cannot be used").Because(one))
			continue
		}
		list = append(list, fault.New(fault.Invalid, "role binding %s: %s", b.Binding, b.Message).At(b.Origin).Mend("%s", b.Hint))
	}
	return errors.Join(list...)
}

// flatten undoes errors.Join.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, one := range joined.Unwrap() {
		list = append(list, flatten(one)...)
	}
	return list
}

// Problems lists the faults of an error of [Compile].
func Problems(err error) []*fault.Error {
	var list []*fault.Error
	for _, one := range flatten(err) {
		if f, ok := errors.AsType[*fault.Error](one); ok {
			list = append(list, f)
		}
	}
	return list
}

// Current is the rules in force. Its zero value refuses everything. It is the
// guard's authenticator and authorizer.
type Current struct {
	policy atomic.Pointer[Policy]
}

// Swap puts rules into force; rules that are not newer than those in force are
// passed over. Key sets that nobody uses any more are closed. Have the guard
// reassess its sessions afterwards.
func (c *Current) Swap(p *Policy) bool {
	for {
		was := c.policy.Load()
		if p == nil || was != nil && p.Generation <= was.Generation {
			return false
		}
		if c.policy.CompareAndSwap(was, p) {
			p.ring.keep(p.keys, p.Generation)
			return true
		}
	}
}

// Generation is that of the rules in force, 0 when there are none.
func (c *Current) Generation() uint64 {
	if p := c.policy.Load(); p != nil {
		return p.Generation
	}
	return 0
}

// Authenticate is that of the rules in force.
func (c *Current) Authenticate(ctx context.Context, cred iam.Credential) (iam.Identity, []iam.Step, error) {
	return c.authn().Authenticate(ctx, cred)
}

// Reassess is that of the rules in force.
func (c *Current) Reassess(id iam.Identity) (iam.Identity, []iam.Step, error) {
	return c.authn().Reassess(id)
}

// Decide is that of the rules in force.
func (c *Current) Decide(id iam.Identity, a iam.Action) iam.Decision {
	if p := c.policy.Load(); p != nil {
		return p.Authz.Decide(id, a)
	}
	return iam.Decision{Reason: "no rules are in force"}
}

// Enough is that of the rules in force.
func (c *Current) Enough(id iam.Identity, a iam.Action) []string {
	if p := c.policy.Load(); p != nil {
		return p.Authz.Enough(id, a)
	}
	return nil
}

// Scope is where a role binding stands.
func (c *Current) Scope(binding string) iam.Pattern {
	if p := c.policy.Load(); p != nil {
		return p.Authz.Scope(binding)
	}
	return iam.Pattern{}
}

// Rights is that of the rules in force.
func (c *Current) Rights(cluster string, tell func(iam.Principal, iam.Pattern, iam.OperationSet)) {
	if p := c.policy.Load(); p != nil {
		p.Authz.Rights(cluster, tell)
	}
}

// authn is nil, which refuses, while no rules are in force.
func (c *Current) authn() *authn.Authenticator {
	if p := c.policy.Load(); p != nil {
		return p.Authn
	}
	return nil
}
