package guard_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/secret"
)

// house is an authenticator and an authorizer of few rules, so that a test can
// change them at any moment. Tokens are the keys of tokens.
type house struct {
	mu         sync.Mutex
	generation atomic.Uint64
	tokens     map[string]iam.Identity
	barred     map[string]bool // pools that match nobody any more
	allow      map[iam.Action]bool
	decided    atomic.Int64
	during     func() // called while a decision is made
}

const canary = "canary-token-3f9a1c"

func newHouse() *house {
	h := &house{tokens: map[string]iam.Identity{}, barred: map[string]bool{}, allow: map[iam.Action]bool{}}
	h.generation.Store(1)
	return h
}

func (h *house) Authenticate(_ context.Context, c iam.Credential) (iam.Identity, []iam.Step, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.tokens[c.Token.Reveal()]
	if !ok {
		return iam.Identity{Claim: "verified-claim"}, []iam.Step{{Name: "token", Saw: "unknown", Wanted: "known", Code: "unknown-token"}},
			fault.New(fault.Unauthenticated, "Authentication failed").Because(fmt.Errorf("cause"))
	}
	id.Mechanism, id.Cluster, id.LogicalCluster, id.PoolSelection = c.Mechanism, c.Cluster, c.LogicalCluster, c.PoolSelection
	id.Generation = h.generation.Load()
	return id, []iam.Step{{Name: "token", OK: true}}, nil
}

func (h *house) Reassess(id iam.Identity) (iam.Identity, []iam.Step, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range id.Pools {
		if h.barred[p] {
			return id, []iam.Step{{Name: "pool " + p, Saw: "false", Wanted: "true", Code: "filter-false"}}, fault.New(fault.Unauthenticated, "no")
		}
	}
	id.Generation = h.generation.Load()
	return id, nil, nil
}

func (h *house) Generation() uint64 { return h.generation.Load() }

func (h *house) Decide(id iam.Identity, a iam.Action) iam.Decision {
	h.decided.Add(1)
	if h.during != nil {
		h.during()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.allow[a] {
		return iam.Decision{Reason: "no binding covers it"}
	}
	return iam.Decision{Allowed: true, Binding: "rb-1", Role: "DeveloperWrite", Acting: id.Acting[0]}
}

func (h *house) Enough(_ iam.Identity, a iam.Action) []string {
	return []string{"DeveloperWrite on " + a.On.Name}
}

func (h *house) Scope(binding string) iam.Pattern {
	if binding != "rb-1" {
		return iam.Pattern{}
	}
	return iam.Pattern{Organization: "6a4e3a2c", Environment: "env-prod", Cluster: "lkc-orders", Type: iam.Topic, Name: "orders.", Prefix: true}
}

// change makes a new generation of rules.
func (h *house) change(f func()) {
	h.mu.Lock()
	f()
	h.mu.Unlock()
	h.generation.Add(1)
}

// ledger keeps what was audited.
type ledger struct {
	mu      sync.Mutex
	records []audit.Record
	calls   int
	fail    error
}

func (l *ledger) Record(_ context.Context, r ...audit.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.records = append(l.records, r...)
	return l.fail
}

func (l *ledger) all() []audit.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]audit.Record(nil), l.records...)
}

func (l *ledger) last(t *testing.T) audit.Record {
	t.Helper()
	all := l.all()
	if len(all) == 0 {
		t.Fatal("nothing was audited")
	}
	return all[len(all)-1]
}

// tally counts what is observed.
type tally struct {
	mu      sync.Mutex
	logins  []string
	refused []string
	open    int
	missing map[string]int // events, by why
}

func (o *tally) Login(outcome string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.logins = append(o.logins, outcome)
}
func (o *tally) Refused(method string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, method)
}
func (o *tally) Sessions(open int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = open
}
func (o *tally) Unwritten(why string, events int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missing[why] += events
}

// door is a guard with its house, for one test.
type door struct {
	*house
	*ledger
	*tally
	guard *guard.Guard
}

func newDoor() *door {
	d := &door{house: newHouse(), ledger: &ledger{}, tally: &tally{missing: map[string]int{}}}
	d.guard = guard.New(guard.Config{Authenticator: d.house, Authorizer: d.house, Sink: d.ledger, Observer: d.tally})
	return d
}

// identity is of one pool; its token ends an hour from now.
func identity(pools ...string) iam.Identity {
	id := iam.Identity{
		CRN: "crn://confluent.cloud/organization=6a4e3a2c/identity-provider=op-a/identity=oid-1", Provider: "op-a", Pools: pools,
		Claim: "oid-1", Claims: map[string]any{"sub": "sub-1", "secret": canary}, Key: "key-1", Expires: time.Now().Add(time.Hour),
	}
	for _, p := range pools {
		id.Acting = append(id.Acting, iam.PoolPrincipal(p))
	}
	id.Principal = iam.Principal(id.CRN)
	if len(pools) == 1 {
		id.Principal = id.Acting[0]
	}
	return id
}

var (
	from = guard.Origin{IP: "192.0.2.7", Port: 40123, Connection: "conn-1", Surface: "SASL_SSL/OAUTHBEARER", ClientID: "producer-1"}
	call = guard.Call{Method: "kafka.Produce", ClientID: "producer-1", Correlation: 42}

	writeOrders = iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: "orders.new"}}
	writeOther  = iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: "other"}}
	idempotent  = iam.Action{Op: iam.IdempotentWrite, On: iam.ClusterResource()}
)

func credential(token string) iam.Credential {
	return iam.Credential{Mechanism: "OAUTHBEARER", Token: secret.New(token), Cluster: "lkc-orders", LogicalCluster: "lkc-orders", PoolSelection: "pool-a"}
}

// open lets in a party of pool-a that may write orders.new.
func (d *door) enter(t testing.TB) *guard.Session {
	t.Helper()
	d.tokens[canary] = identity("pool-a")
	d.allow[writeOrders] = true
	s, err := d.guard.Open(context.Background(), from, credential(canary))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ended(s *guard.Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}
