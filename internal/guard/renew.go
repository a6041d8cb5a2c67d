package guard

import (
	"context"
	"slices"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Renewing says that a re-authentication has begun, which may finish within
// the deadline even if the token ends meanwhile; nothing else is allowed then.
func (s *Session) Renewing(deadline time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open && time.Now().Before(s.identity.Expires) {
		s.grace = time.Now().Add(deadline)
	}
}

// Reauthenticate renews the session with a fresh credential (KIP-368). After a
// [Refusal] the session allows nothing more; the surface closes it once the
// answer is on its way.
func (s *Session) Reauthenticate(ctx context.Context, c iam.Credential) error {
	if s.over() {
		return s.endedFault()
	}
	was := s.Identity()
	now, err := s.guard.login(ctx, s.from, c, func(now iam.Identity) *iam.Step { return sameParty(was, now) })
	if err := s.renew(now, err); err != nil {
		return err
	}
	_, _ = s.fresh() // a change during the login ends it like any other
	return nil
}

// renew takes over the outcome of a re-authentication.
func (s *Session) renew(now iam.Identity, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.open, s.reason, s.grace = false, "a re-authentication was refused", time.Time{}
		return err
	}
	if s.closed {
		return s.endedFaultLocked()
	}
	if !sameRights(s.identity, now) {
		s.allowed = nil
	}
	s.identity, s.open, s.reason, s.grace = now, true, "", time.Time{}
	s.timer.Reset(time.Until(now.Expires))
	return nil
}

// sameRights reports whether what was allowed to one identity is allowed to
// the other: the same principals under the same rules.
func sameRights(a, b iam.Identity) bool {
	return a.Generation == b.Generation && a.Principal == b.Principal && slices.Equal(a.Acting, b.Acting)
}

// sameParty compares what must not change on an open connection. It returns
// the step that refuses, or nil.
func sameParty(was, now iam.Identity) *iam.Step {
	for _, same := range []struct{ name, was, now string }{
		{"mechanism", was.Mechanism, now.Mechanism},
		{"provider", was.Provider, now.Provider},
		{"cluster", was.Cluster, now.Cluster},
		{"logicalCluster", was.LogicalCluster, now.LogicalCluster},
		{"identityPoolId", was.PoolSelection, now.PoolSelection},
	} {
		if same.was != same.now {
			return changed(same.name, same.was, same.now)
		}
	}
	if was.Claim == now.Claim || movedPools(was, now) {
		return nil
	}
	return changed("identity claim", was.Claim, now.Claim)
}

// movedPools is the one case in which another claim may stand for the same
// party: pools that were chosen automatically have changed, and with them the
// claim that names it. The subject must then be the same; an issuer never
// gives it to another party (OpenID Connect Core, section 2).
func movedPools(was, now iam.Identity) bool {
	if was.PoolSelection != "" || slices.Equal(was.Pools, now.Pools) {
		return false
	}
	before, ok1 := was.Claims["sub"].(string)
	after, ok2 := now.Claims["sub"].(string)
	return ok1 && ok2 && before != "" && before == after
}

func changed(what, was, now string) *iam.Step {
	return &iam.Step{Name: "same party: " + what, Saw: quoted(now), Wanted: quoted(was) + ", as at login", Mend: mendOf(CodeChanged), Code: CodeChanged}
}

// fresh returns the identity under the rules in force. A session that they no
// longer let in is ended, with an audit event.
func (s *Session) fresh() (iam.Identity, error) {
	id, ended, err := s.refresh()
	if ended != nil {
		s.guard.record(context.Background(), *ended)
	}
	return id, err
}

// refresh is fresh, and leaves the audit event of a session that it ended to
// the caller: many that end together must not wait for the disk one by one.
func (s *Session) refresh() (iam.Identity, *audit.Record, error) {
	s.mu.Lock()
	if s.overLocked() {
		defer s.mu.Unlock()
		return s.identity, nil, s.endedFaultLocked()
	}
	if s.identity.Generation == s.guard.authz.Generation() {
		defer s.mu.Unlock()
		return s.identity, nil, nil
	}
	was := s.identity
	now, steps, err := s.guard.authn.Reassess(was)
	if err == nil {
		s.identity, s.allowed = now, nil
		s.mu.Unlock()
		return now, nil, nil
	}
	s.endLocked("the rules in force no longer let it in") // at once, so that no renewal comes between
	s.mu.Unlock()
	s.guard.forget(s)
	ended := s.guard.eviction(s.from, was, steps, err)
	return was, &ended, s.endedFault()
}

// expire ends the session with its token, unless a re-authentication that
// began in time is still under way.
func (s *Session) expire() {
	s.mu.Lock()
	if s.closed || time.Now().Before(s.identity.Expires) {
		s.mu.Unlock() // renewed while the timer fired
		return
	}
	s.open, s.reason = false, tokenEnded
	if rest := time.Until(s.grace); rest > 0 {
		s.timer.Reset(rest)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.end("")
}

// end closes Done; false when that was done before.
func (s *Session) end(reason string) bool {
	s.mu.Lock()
	first := s.endLocked(reason)
	s.mu.Unlock()
	if first {
		s.guard.forget(s)
	}
	return first
}

// endLocked keeps the reason of a session that allowed nothing any more.
func (s *Session) endLocked(reason string) bool {
	if s.closed {
		return false
	}
	s.open, s.closed = false, true
	if s.reason == "" {
		s.reason = reason
	}
	s.timer.Stop()
	close(s.done)
	return true
}

// over reports whether the session can still be renewed.
func (s *Session) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || !s.open && !time.Now().Before(s.grace)
}

func (s *Session) endedFault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endedFaultLocked()
}

// tokenEnded is the reason of an ordinary end.
const tokenEnded = "the token has ended"

// overLocked reports whether nothing is allowed any more. The clock is asked
// too: a timer may fire late on a busy machine, and the end of a token has no
// tolerance.
func (s *Session) overLocked() bool { return !s.open || !time.Now().Before(s.identity.Expires) }

func (s *Session) endedFaultLocked() error {
	if s.reason == "" {
		return fault.New(fault.Unauthenticated, "the session has ended: %s", tokenEnded)
	}
	return fault.New(fault.Unauthenticated, "the session has ended: %s", s.reason)
}
