package guard

import (
	"context"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Session is one party that was let in. It is safe for concurrent use.
type Session struct {
	guard *Guard
	id    string
	from  Origin
	since time.Time
	done  chan struct{}

	mu       sync.Mutex
	identity iam.Identity
	allowed  map[decision]struct{} // audited permissions under identity.Generation
	open     bool                  // false: nothing is allowed any more
	closed   bool                  // done is closed
	reason   string                // why it is not open
	timer    *time.Timer
	grace    time.Time // end of a re-authentication that began in time
}

// decision is what one audited permission is about.
type decision struct {
	method string
	action iam.Action
}

// maxAllowed bounds the cache of a session. A party that names more resources
// than this is decided, and audited, anew.
const maxAllowed = 4096

// Identity is who is on the other side.
func (s *Session) Identity() iam.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// ID names the session in the registry.
func (s *Session) ID() string { return s.id }

// Done is closed when the session has expired, was killed, no longer matches
// the rules, or was closed.
func (s *Session) Done() <-chan struct{} { return s.done }

// Live reports whether the session may still do something: it was not ended,
// and its token has not.
func (s *Session) Live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.overLocked()
}

// Reason says why the session has ended; "" while it has not.
func (s *Session) Reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == "" && s.overLocked() { // its timer is late
		return tokenEnded
	}
	return s.reason
}

// Lifetime is what is left of the token, at least 1 ms: clients take 0 for a
// session without end (KIP-368).
func (s *Session) Lifetime() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(time.Until(s.identity.Expires), time.Millisecond)
}

// Generation is that of the rules in force, under which the next decision is made.
func (s *Session) Generation() uint64 { return s.guard.authz.Generation() }

// Close ends the session from the party's side. It may be called again.
func (s *Session) Close() { s.end("closed") }

// Allow decides one action. A [Refusal] was audited; any other error means
// that the session has ended and the connection is to be closed.
func (s *Session) Allow(call Call, a iam.Action) error {
	if s.remembers(call.Method, a) {
		return nil
	}
	one := [1]iam.Action{a}
	return s.decide(call, one[:])
}

// AllowAny is [Session.Allow] where one of several actions is enough; the
// first is the one that a refusal names.
func (s *Session) AllowAny(call Call, actions ...iam.Action) error {
	for _, a := range actions {
		if s.remembers(call.Method, a) {
			return nil
		}
	}
	return s.decide(call, actions)
}

// Visible decides silently whether a listing may show a resource. It is never
// a permission to touch it.
func (s *Session) Visible(a iam.Action) bool {
	_, d, err := s.evaluate(a)
	return err == nil && d.Allowed
}

// Refuse audits a no that the surface itself has found, such as a request that
// is never served or a right that klamm's own user lacks upstream. The step
// says why.
func (s *Session) Refuse(call Call, a iam.Action, step iam.Step) *Refusal {
	step.OK = false
	if step.Mend == "" {
		step.Mend = mendOf(step.Code)
	}
	return s.refuse(about{from: s.from, call: call, id: s.Identity(), on: a}, step.Code, func() []iam.Step { return []iam.Step{step} })
}

// remembers is the hot path: an audited permission under the rules in force.
func (s *Session) remembers(method string, a iam.Action) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overLocked() || s.identity.Generation != s.guard.authz.Generation() {
		return false
	}
	_, ok := s.allowed[decision{method, a}]
	return ok
}

// decide evaluates and audits.
func (s *Session) decide(call Call, actions []iam.Action) error {
	if len(actions) == 0 {
		return fault.New(fault.Internal, "a decision was asked for without an action")
	}
	var id iam.Identity
	no := make([]iam.Decision, 0, 2)
	for _, a := range actions {
		now, d, err := s.evaluate(a)
		if err != nil {
			return err
		}
		id = now
		if d.Allowed {
			s.permit(about{from: s.from, call: call, id: id, on: a}, d)
			return nil
		}
		no = append(no, d)
	}
	code := CodeNoRole
	if actions[len(actions)-1].On.Reserved() {
		code = CodeReserved
	}
	return s.refuse(about{from: s.from, call: call, id: id, on: actions[0]}, code, func() []iam.Step {
		steps := make([]iam.Step, len(actions))
		for i, a := range actions {
			steps[i] = s.guard.denial(id, a, no[i])
		}
		return steps
	})
}

// evaluate decides under one generation: the identity and the rules are of the
// same snapshot, never half of each.
func (s *Session) evaluate(a iam.Action) (iam.Identity, iam.Decision, error) {
	for range 16 {
		id, err := s.fresh()
		if err != nil {
			return id, iam.Decision{}, err
		}
		d := s.guard.authz.Decide(id, a)
		if id.Generation == s.guard.authz.Generation() {
			return id, d, nil
		}
	}
	return iam.Identity{}, iam.Decision{}, fault.New(fault.Internal, "the rules change faster than a decision is made")
}

// permit remembers a permission and audits it, once. One whose principal was
// audited for very many lately is audited when it is used again.
func (s *Session) permit(what about, d iam.Decision) {
	what = what.kept()
	if s.remember(what) {
		s.guard.record(context.Background(), s.guard.decision(audit.NewReference(), what, d, nil))
	}
}

// remember reports whether a permission is to be audited.
func (s *Session) remember(what about) bool {
	key := decision{what.call.Method, what.on}
	s.mu.Lock()
	defer s.mu.Unlock()
	current := sameRights(s.identity, what.id)
	if _, known := s.allowed[key]; known && current {
		return false
	}
	if !s.guard.budgets.permission(account(what.id.Principal)) {
		s.guard.watch.Unwritten(Spared, 1)
		return false
	}
	if current {
		if s.allowed == nil || len(s.allowed) >= maxAllowed {
			s.allowed = map[decision]struct{}{}
		}
		s.allowed[key] = struct{}{}
	}
	return true
}

// refuse audits a refusal. explain is called where the event is its own.
func (s *Session) refuse(what about, code iam.Code, explain func() []iam.Step) *Refusal {
	s.guard.watch.Refused(what.call.Method)
	held := what.call.Held
	if held == nil {
		held = &Held{}
		defer s.Settle(held)
	}
	ref := held.add(s.guard, what, explain)
	return &Refusal{Ref: ref, Code: code, Sentence: deniedSentence(what.on.On.Type), kind: fault.Forbidden}
}
