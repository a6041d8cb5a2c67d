package gateway

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/klammhq/klamm/internal/advertise"
	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/authz"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/kafka"
	"github.com/klammhq/klamm/internal/relay"
	"github.com/klammhq/klamm/internal/testkit"
	"github.com/klammhq/klamm/internal/upstream"
)

// The house of the tests: a Kafka on an address of its own, and in front of it
// the real upstream, guard, roles, relay and advertised addresses. Only who a
// token stands for is made up: the token "alice" is the pool pool-alice.

const (
	lkc          = "lkc-test"
	upstreamHost = testkit.Far
	organization = "6a4e3a2c-0000-4000-8000-000000000000"
	patience     = 30 * time.Second
)

type house struct {
	t         testing.TB
	guard     *guard.Guard
	gateway   *Gateway
	cluster   *upstream.Cluster
	behind    *kfake.Cluster
	relay     *relay.Server
	addresses *advertise.Auto
	bootstrap string
	log       *ledger
	people    *people
	ports     []int // of the brokers behind

	seen seen
}

// seen is all that clients were sent.
type seen struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func binding(who, role string, t iam.ResourceType, name string) iam.Binding {
	p := iam.Pattern{Organization: organization, Environment: "env-1", Cluster: lkc, Type: t}
	p.Name, p.Prefix = strings.CutSuffix(name, "*")
	return iam.Binding{Principal: iam.PoolPrincipal("pool-" + who), Role: role, On: p}
}

// build makes a house with role bindings.
func build(t testing.TB, bindings []iam.Binding, opts ...kfake.Opt) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	h := &house{t: t, log: &ledger{}, people: &people{}}
	h.people.bind(t, bindings...)

	behind, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(2), kfake.SeedTopics(2, "orders", "orders.eu", "secret", "__klamm_state"), kfake.AllowAutoTopicCreation(),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			ln, err := testkit.ListenFar(t, network)
			if err == nil {
				h.ports = append(h.ports, ln.Addr().(*net.TCPAddr).Port)
			}
			return ln, err
		}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(behind.Close)
	h.behind = behind
	if h.cluster, err = upstream.New(upstream.Config{Name: lkc, Bootstrap: behind.ListenAddrs()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.cluster.Close)

	h.guard = guard.New(guard.Config{Authenticator: h.people, Authorizer: h.people, Sink: h.log})
	h.addresses = &advertise.Auto{Host: "127.0.0.1", Open: func(cluster string, node int32) (int32, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		go func() { _ = h.relay.Serve(ctx, ln, relay.Via{Cluster: cluster, Broker: node}) }()
		return int32(ln.Addr().(*net.TCPAddr).Port), nil
	}}
	h.gateway, err = New(Config{Guard: h.guard, Clusters: map[string]Cluster{lkc: h.cluster}, Addresses: h.addresses, Rights: h.people.Rights})
	if err != nil {
		t.Fatal(err)
	}
	h.relay = &relay.Server{Acceptor: h.gateway}
	host, port, ok := h.addresses.Addr(lkc, relay.Bootstrap)
	if !ok {
		t.Fatal("no bootstrap address")
	}
	h.bootstrap = fmt.Sprintf("%s:%d", host, port)
	return h
}

// client is a franz-go client that logs in with a token.
func (h *house) client(token string, opts ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	return h.clientAs(oauth.Auth{Token: token, Extensions: map[string]string{"logicalCluster": lkc}}, opts...)
}

func (h *house) clientAs(who oauth.Auth, opts ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(h.bootstrap), kgo.SASL(who.AsMechanism()), kgo.Dialer(h.dial), kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RetryTimeout(patience), kgo.RequestRetries(20),
	}, opts...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(cl.Close)
	return cl
}

// dial keeps what the client reads.
func (h *house) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return overheard{c, &h.seen}, err
}

type overheard struct {
	net.Conn
	seen *seen
}

func (o overheard) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	o.seen.mu.Lock()
	defer o.seen.mu.Unlock()
	o.seen.bytes.Write(p[:n])
	return n, err
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	return ctx
}

// people is who tokens stand for, and what they may do.
type people struct {
	rules      atomic.Pointer[authz.Rules]
	generation atomic.Uint64
	lifetime   atomic.Int64 // of the next tokens; an hour when zero
	end        atomic.Int64 // of all tokens, in Unix nanoseconds; 0: by lifetime
	// also are rights that no role gives by itself, by principal.
	also map[iam.Principal][]iam.Action
}

func (p *people) bind(t testing.TB, bindings ...iam.Binding) {
	t.Helper()
	s := &iam.Snapshot{Organization: iam.Organization{ID: organization, Environment: "env-1"}, Bindings: map[string]iam.Binding{}}
	for i, b := range bindings {
		b.ID = fmt.Sprint("rb-", i)
		s.Bindings[b.ID] = b
	}
	r, err := authz.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	p.rules.Store(r)
	p.generation.Add(1)
}

func (p *people) Authenticate(_ context.Context, c iam.Credential) (iam.Identity, []iam.Step, error) {
	who := c.Token.Reveal()
	id := iam.Identity{
		Provider: "op-test", Claim: who, Cluster: c.Cluster, Mechanism: c.Mechanism, LogicalCluster: c.LogicalCluster, PoolSelection: c.PoolSelection,
		Expires: time.Now().Add(time.Duration(cmp.Or(p.lifetime.Load(), int64(time.Hour)))), Generation: p.generation.Load(),
	}
	if end := p.end.Load(); end != 0 {
		id.Expires = time.Unix(0, end)
	}
	pool := "pool-" + who
	if c.PoolSelection != "" {
		pool = c.PoolSelection
	}
	id.Pools, id.Principal = []string{pool}, iam.PoolPrincipal(pool)
	id.Acting = []iam.Principal{id.Principal}
	if c.Mechanism != mechanism || who == "" || who == "mallory" || c.LogicalCluster != c.Cluster {
		return iam.Identity{}, []iam.Step{{Name: "token", Code: "bad-token"}},
			fault.New(fault.Unauthenticated, "Authentication failed during authentication due to invalid credentials with SASL mechanism %s", c.Mechanism)
	}
	return id, nil, nil
}

func (p *people) Reassess(id iam.Identity) (iam.Identity, []iam.Step, error) {
	id.Generation = p.generation.Load()
	return id, nil, nil
}

func (p *people) Generation() uint64 { return p.generation.Load() }
func (p *people) Decide(id iam.Identity, a iam.Action) iam.Decision {
	if slices.Contains(p.also[id.Principal], a) {
		return iam.Decision{Allowed: true}
	}
	return p.rules.Load().Decide(id, a)
}
func (p *people) Enough(id iam.Identity, a iam.Action) []string { return p.rules.Load().Enough(id, a) }
func (p *people) Rights(cluster string, tell func(iam.Principal, iam.Pattern, iam.OperationSet)) {
	p.rules.Load().Rights(cluster, tell)
}
func (p *people) Scope(b string) iam.Pattern { return p.rules.Load().Scope(b) }

// ledger keeps audit records.
type ledger struct {
	mu      sync.Mutex
	records []audit.Record
}

func (l *ledger) Record(_ context.Context, r ...audit.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r...)
	return nil
}

// refusals are the refused actions, as "kafka.Method Operation Type name".
func (l *ledger) refusals() (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if a := r.Event.Data.AuthorizationInfo; a != nil && !a.Granted {
			list = append(list, strings.Join([]string{r.Event.Data.MethodName, a.Operation, a.ResourceType, a.ResourceName}, " "))
		}
	}
	return list
}

// upstream counts the refusals that klamm's own user met, since the last call of
// allowed.
func (l *ledger) upstream() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if len(r.Steps) > 0 && r.Steps[0].Code == guard.CodeUpstream {
			n++
		}
	}
	return n
}

// byHand is a connection on which the test writes every byte itself.
type byHand struct {
	t    testing.TB
	link *kafka.Link
}

func (h *house) byHand(via int32) *byHand {
	h.t.Helper()
	host, port, _ := h.addresses.Addr(lkc, via)
	c, err := h.dial(h.ctx(), "tcp", fmt.Sprintf("%s:%d", host, port))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &byHand{t: h.t, link: kafka.NewLink(c, via)}
}

// loggedIn is byHand after a login.
func (h *house) loggedIn(token string, via int32) *byHand {
	h.t.Helper()
	b := h.byHand(via)
	if r := b.login(token, "logicalCluster="+lkc); r.ErrorCode != 0 {
		h.t.Fatalf("login: %d %v", r.ErrorCode, *r.ErrorMessage)
	}
	return b
}

// login does SaslHandshake and SaslAuthenticate.
func (b *byHand) login(token string, extensions ...string) *kmsg.SASLAuthenticateResponse {
	b.t.Helper()
	hs := kmsg.NewPtrSASLHandshakeRequest()
	hs.Version, hs.Mechanism = 1, mechanism
	if r := b.ask(hs).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 0 {
		b.t.Fatalf("SaslHandshake: %d", r.ErrorCode)
	}
	return b.authenticate(message(token, extensions...))
}

func message(token string, extensions ...string) []byte {
	m := "n,,\x01auth=Bearer " + token + "\x01"
	for _, e := range extensions {
		m += e + "\x01"
	}
	return []byte(m + "\x01")
}

func (b *byHand) authenticate(message []byte) *kmsg.SASLAuthenticateResponse {
	b.t.Helper()
	au := kmsg.NewPtrSASLAuthenticateRequest()
	au.Version, au.SASLAuthBytes = 2, message
	return b.ask(au).(*kmsg.SASLAuthenticateResponse)
}

// ask sends a request in the version that it is set to.
func (b *byHand) ask(req kmsg.Request) kmsg.Response {
	b.t.Helper()
	resp, err := b.try(req)
	if err != nil {
		b.t.Fatalf("%s %d: %v", kmsg.Key(req.Key()).Name(), req.GetVersion(), err)
	}
	return resp
}

func (b *byHand) try(req kmsg.Request) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return b.link.Request(ctx, req)
}

// dies wants the connection to be closed by a request.
func (b *byHand) dies(req kmsg.Request) {
	b.t.Helper()
	if resp, err := b.try(req); err == nil {
		b.t.Fatalf("%s %d is answered: %+v", kmsg.Key(req.Key()).Name(), req.GetVersion(), resp)
	}
}
