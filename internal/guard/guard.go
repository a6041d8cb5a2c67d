package guard

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/iam"
)

// Config is what a [Guard] is made of. The first three are required: a guard
// that lacks one of them refuses everybody.
type Config struct {
	Authenticator Authenticator
	Authorizer    Authorizer
	Sink          Sink
	Observer      Observer // may be nil
}

// Guard is the door. It is safe for concurrent use.
type Guard struct {
	authn Authenticator
	authz Authorizer
	sink  Sink
	watch Observer

	budgets budgets

	mu       sync.Mutex
	last     uint64
	sessions map[string]*Session
}

// New makes a guard.
func New(c Config) *Guard {
	g := &Guard{authn: c.Authenticator, authz: c.Authorizer, sink: c.Sink, watch: c.Observer, sessions: map[string]*Session{}}
	if g.watch == nil {
		g.watch = blind{}
	}
	return g
}

// complete is the check that nothing needed for a decision is missing.
func (g *Guard) complete() error {
	if g == nil || g.authn == nil || g.authz == nil || g.sink == nil {
		return fault.New(fault.Internal, "the guard lacks an authenticator, an authorizer or an audit log, so nobody is let in")
	}
	return nil
}

// Open lets a party in, or returns a [Refusal]. Either way it is audited
// before Open returns.
func (g *Guard) Open(ctx context.Context, from Origin, c iam.Credential) (*Session, error) {
	if err := g.complete(); err != nil {
		return nil, err
	}
	id, err := g.login(ctx, from, c, nil)
	if err != nil {
		return nil, err
	}
	s := g.admit(from, id)
	_, _ = s.fresh() // a change that fell between login and registry was not told to it
	return s, nil
}

// login authenticates, checks what the caller adds and audits the outcome.
func (g *Guard) login(ctx context.Context, from Origin, c iam.Credential, check func(iam.Identity) *iam.Step) (id iam.Identity, err error) {
	began := time.Now()
	id, steps, err := g.authn.Authenticate(ctx, c)
	if err == nil && check != nil {
		if step := check(id); step != nil {
			steps, err = append(steps, *step), fault.New(fault.Unauthenticated, "%s", generic(c.Mechanism))
		}
	}
	if err == nil && !id.Expires.After(time.Now()) {
		steps = append(steps, iam.Step{Name: "lifetime", Saw: "the token ends at " + id.Expires.UTC().Format(time.RFC3339), Wanted: "time left", Mend: mendOf(CodeNoLifetime), Code: CodeNoLifetime})
		err = fault.New(fault.Unauthenticated, "%s", generic(c.Mechanism))
	}
	// A client that went away does not take its audit event with it.
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		r := g.turnAway(from, c, id, steps, err)
		g.watch.Login(string(r.Code), time.Since(began))
		return id, r
	}
	g.record(ctx, audit.Record{Event: authentication(audit.NewReference(), from, c, &id, "")})
	g.watch.Login("ok", time.Since(began))
	return id, nil
}

// turnAway audits a failed authentication and makes its refusal.
func (g *Guard) turnAway(from Origin, c iam.Credential, known iam.Identity, steps []iam.Step, err error) *Refusal {
	steps = stated(steps, err)
	r := &Refusal{Code: codeOf(steps), Sentence: generic(c.Mechanism), kind: fault.KindOf(err)}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		r.Sentence = f.Message
	}
	// What is counted is kept for a while; the token is not.
	c = iam.Credential{Mechanism: c.Mechanism, Cluster: c.Cluster, LogicalCluster: c.LogicalCluster, PoolSelection: c.PoolSelection}
	var held Held
	what := about{from: from, call: Call{Method: methodLogin, ClientID: from.ClientID}, id: known, login: &failedLogin{c, r.Code}}
	r.Ref = held.add(g, what, func() []iam.Step { return steps })
	g.settle(&held)
	return r
}

// record hands records to the sink. A full disk must not turn a no into
// something else, so that its error is only counted.
func (g *Guard) record(ctx context.Context, records ...audit.Record) {
	if len(records) == 0 {
		return
	}
	if err := g.sink.Record(ctx, records...); err != nil {
		g.watch.Unwritten(Lost, len(records))
	}
}

// admit makes the session of an identity and starts its clock. The session is
// locked until it has one: it may be found and ended from now on.
func (g *Guard) admit(from Origin, id iam.Identity) *Session {
	s := &Session{guard: g, from: from, since: time.Now(), done: make(chan struct{}), identity: id, open: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.mu.Lock()
	g.last++
	s.id = strconv.FormatUint(g.last, 10)
	g.sessions[s.id] = s
	open := len(g.sessions)
	g.mu.Unlock()
	g.watch.Sessions(open)
	s.timer = time.AfterFunc(time.Until(id.Expires), s.expire)
	return s
}

// forget takes an ended session out of the registry.
func (g *Guard) forget(s *Session) {
	g.mu.Lock()
	delete(g.sessions, s.id)
	open := len(g.sessions)
	g.mu.Unlock()
	g.watch.Sessions(open)
}

// stated sees to it that whoever explains a refusal finds a reason, if only
// that none was given.
func stated(steps []iam.Step, err error) []iam.Step {
	if codeOf(steps) != CodeUnstated {
		return steps
	}
	return append(steps, iam.Step{Name: "reason", Saw: "none, for a refusal that is " + string(fault.KindOf(err)), Wanted: "a step that says why", Mend: mendOf(CodeUnstated), Code: CodeUnstated})
}

func codeOf(steps []iam.Step) iam.Code {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Code != "" {
			return steps[i].Code
		}
	}
	return CodeUnstated
}

// blind is the observer of a guard that has none.
type blind struct{}

func (blind) Login(string, time.Duration) {}
func (blind) Refused(string)              {}
func (blind) Sessions(int)                {}
func (blind) Unwritten(string, int)       {}
