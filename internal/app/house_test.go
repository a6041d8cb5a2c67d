package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/internal/audit"
	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/engine"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/lab"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/store/files"
	"github.com/klammhq/klamm/internal/upstream"
	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

// The house of the tests: a whole gateway as serve builds it, on a port of
// 127.0.0.1 with TLS, in front of an embedded engine. Its identity provider is
// a server of the test that can be made to misbehave.

const (
	lkc      = "lkc-test"
	issuer   = "https://idp.test/main"
	patience = 30 * time.Second // of a client; ten times and more what anything takes
)

// TestMain lets the tests wait side by side: most of them wait for the pause
// before a refusal's answer, and none of them for the processor.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := runFarSide(); err != nil {
			fmt.Fprintln(os.Stderr, "the far side:", err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	parallel := flag.Lookup("test.parallel")
	if parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set("20")
	}
	os.Exit(m.Run())
}

// testCA is one authority for all houses of a process.
var testCA = sync.OnceValue(func() *lab.CA {
	ca, err := lab.NewCA()
	if err != nil {
		panic(err)
	}
	return ca
})

var serverTLS = sync.OnceValue(func() *tls.Config {
	c, err := testCA().ServerTLS()
	if err != nil {
		panic(err)
	}
	return c
})

// houseOptions differ from test to test; the zero value is the house of documents.
type houseOptions struct {
	more      string // identity documents beside the usual ones, or instead of them
	instead   bool
	auditFile bool             // keep all events, not only refusals
	upstream  *upstream.Config // instead of an engine
	brokers   int              // of the engine; 1 when 0
	optional  bool             // logicalCluster may be absent
	keyDir    string           // where the last good keys are kept
}

type house struct {
	t       testing.TB
	run     *running
	rules   *rules
	idp     *idp
	log     *lockedBuffer
	ops     string // URL
	events  string // path of the audit file
	options files.Options
}

// documents are the usual ones: pool-orders writes and reads orders*, in groups
// and transactions of that name; pool-reader only reads; pool-admin may do
// everything; pool-idle matches and has no role.
const documents = `
{kind: Organization, id: 6a4e3a2c-0000-4000-8000-000000000000, environment: env-test}
---
{kind: IdentityProvider, id: op-main, issuer: "https://idp.test/main", jwks_uri: "KEYS", ca: ca.pem, audiences: [kafka]}
---
{kind: IdentityPool, id: pool-orders, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "orders"'}
---
{kind: IdentityPool, id: pool-reader, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "reader"'}
---
{kind: IdentityPool, id: pool-admin, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "admin"'}
---
{kind: IdentityPool, id: pool-idle, provider: op-main, filter: 'claims.aud == "kafka" && claims.role == "idle"'}
---
{kind: RoleBinding, principal: "User:pool-orders", role: DeveloperWrite, on: {cluster: lkc-test, topic: "orders*"}}
---
{kind: RoleBinding, principal: "User:pool-orders", role: DeveloperRead, on: {cluster: lkc-test, topic: "orders*"}}
---
{kind: RoleBinding, principal: "User:pool-orders", role: DeveloperRead, on: {cluster: lkc-test, group: "orders-*"}}
---
{kind: RoleBinding, principal: "User:pool-orders", role: DeveloperWrite, on: {cluster: lkc-test, transactional_id: "orders-*"}}
---
{kind: RoleBinding, principal: "User:pool-reader", role: DeveloperRead, on: {cluster: lkc-test, topic: "orders*"}}
---
{kind: RoleBinding, principal: "User:pool-reader", role: DeveloperRead, on: {cluster: lkc-test, group: "orders-*"}}
---
{kind: RoleBinding, principal: "User:pool-admin", role: CloudClusterAdmin, on: {cluster: lkc-test}}
`

// topics exist in every engine.
var topics = map[string]int32{"orders": 2, "orders.eu": 1, "secret": 1, "__klamm_state": 1}

func newHouse(t testing.TB, o houseOptions) *house {
	t.Helper()
	h := &house{t: t, log: &lockedBuffer{}, idp: newIDP(t)}
	ring := policy.NewKeyring(policy.KeyOptions{NamedInConfiguration: true, CacheDir: o.keyDir})
	t.Cleanup(ring.Close)
	h.options = files.Options{Clusters: []string{lkc}, ReadFile: func(string) ([]byte, error) { return testCA().PEM(), nil }}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.rules = newRules(ring, log, h.options, func(fo files.Options) *files.Store {
		return files.Memory(map[string][]byte{"identity.yaml": []byte(h.text(o))}, fo)
	})
	if err := h.rules.load(t.Context()); err != nil {
		t.Fatalf("the identity documents: %v", details(err))
	}
	h.start(o, log)
	return h
}

// text is the identity documents with the addresses of this house in them.
func (h *house) text(o houseOptions) string {
	text := documents
	if o.instead {
		text = ""
	}
	return strings.ReplaceAll(text+"\n---\n"+o.more, "KEYS", h.idp.url+"/keys")
}

func (h *house) start(o houseOptions, log *slog.Logger) {
	t := h.t
	t.Helper()
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.ops = "http://" + ops.Addr().String()
	p := gatewayParts{
		cluster: lkc, clusterOptional: o.optional, host: "127.0.0.1", tls: serverTLS(), version: "test", log: log, ops: []net.Listener{ops},
		listen: func(port int, what string) ([]net.Listener, int, error) {
			ln, err := listen("127.0.0.1", port, what, "")
			if err != nil {
				return nil, 0, err
			}
			return []net.Listener{ln}, ln.Addr().(*net.TCPAddr).Port, nil
		},
	}
	if o.auditFile {
		h.events = filepath.Join(t.TempDir(), "audit.jsonl")
		p.audit = auditlog.Config{File: h.events}
	}
	if o.upstream != nil {
		p.upstream = *o.upstream
	} else {
		behind, err := engine.Start(engine.Config{ClusterID: lkc, Brokers: max(o.brokers, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(behind.Close)
		p.upstream = upstream.Config{Name: lkc, Bootstrap: behind.Bootstrap(), Dial: behind.Dial, Log: log}
	}
	if h.run, err = startGateway(p, h.rules); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.run.close(context.Background()); err != nil {
			t.Errorf("closing the gateway: %v", err)
		}
	})
	if err := h.run.upstream.EnsureTopics(h.ctx(), topics); err != nil {
		t.Fatal(err)
	}
}

func (h *house) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	h.t.Cleanup(cancel)
	return ctx
}

// change puts other documents into force, as an edited folder would.
func (h *house) change(o houseOptions) {
	h.t.Helper()
	err := h.rules.replace(h.t.Context(), func(fo files.Options) *files.Store {
		return files.Memory(map[string][]byte{"identity.yaml": []byte(h.text(o))}, fo)
	})
	if err != nil {
		h.t.Fatalf("the changed documents: %v", details(err))
	}
}

// claims of a token that is let in, with some changed; nil takes one away.
func (h *house) claims(change map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": issuer, "aud": "kafka", "sub": "svc-orders", "role": "orders", "iat": now - 10, "nbf": now - 10, "exp": now + 3600}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// token is one that the house's provider signed.
func (h *house) token(change map[string]any) string {
	return sign(h.t, ecKey(), nil, h.claims(change))
}

func role(name string) map[string]any { return map[string]any{"role": name, "sub": "svc-" + name} }

// client is a franz-go client that logs in with a token.
func (h *house) client(text string, opts ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	return h.clientAs(text, franz.Extensions{"logicalCluster": lkc}, opts...)
}

func (h *house) clientAs(text string, extensions franz.Extensions, opts ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	source := token.SourceFunc(func(context.Context) (token.Token, error) { return token.New(text, time.Now()) })
	mechanism, err := franz.Mechanism(source, extensions)
	if err != nil {
		h.t.Fatal(err)
	}
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(h.run.Bootstrap), kgo.SASL(mechanism), kgo.Dialer(overhear(io.Discard)), kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RetryTimeout(patience), kgo.RequestRetries(20), kgo.FetchMaxWait(100 * time.Millisecond), kgo.UnknownTopicRetries(1),
	}, opts...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(cl.Close)
	return cl
}

func clientTLS() *tls.Config {
	return &tls.Config{RootCAs: testCA().Pool(), MinVersion: tls.VersionTLS12, ServerName: "127.0.0.1"}
}

// get asks the ops surface.
func (h *house) get(path string) string {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.ctx(), http.MethodGet, h.ops+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(body)
}

// allEvents are the events of the audit file, of a house that has one. One
// that allowed something may come a little later than what it allowed.
func (h *house) allEvents() (list []audit.Event) {
	h.t.Helper()
	text, err := os.ReadFile(h.events)
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var e audit.Event
		if err := json.Unmarshal(line, &e); err != nil {
			h.t.Fatalf("a line of the audit file: %v", err)
		}
		list = append(list, e)
	}
	return list
}

// eventually waits for what happens soon and says nothing of it.
func (h *house) eventually(what string, happened func() bool) {
	h.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !happened(); {
		if time.Now().After(end) {
			h.t.Fatalf("it did not happen that %s", what)
		}
		<-tick.C
	}
}

// sentences are all that a refused client may read.
var sentences = regexp.MustCompile(`^(Authentication failed during authentication due to invalid credentials with SASL mechanism [A-Za-z0-9-]+` +
	`|Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY` +
	`|Authentication failed: 1 extensions are invalid! They are: logicalCluster: Authentication failed) \(ref=([0-9a-f]{32})\)$`)

// story finds the record of a refusal, by what the client was told, and wants
// a code in its steps.
func (h *house) story(words string, code iam.Code) (audit.Record, error) {
	found := sentences.FindStringSubmatch(words)
	if found == nil {
		return audit.Record{}, fmt.Errorf("the client is told %q", words)
	}
	r, ok := h.run.audit.ByRef(found[2])
	switch {
	case !ok:
		return r, fmt.Errorf("no event has the reference %s", found[2])
	case r.Event.Type != audit.TypeAuthentication || r.Event.Data.Result == nil || r.Event.Data.Result.Status != audit.Unauthenticated:
		return r, fmt.Errorf("the event is no refused authentication: %+v", r.Event)
	case len(r.Steps) == 0 || r.Steps[len(r.Steps)-1].Code != code || r.Event.Data.Result.Message != string(code):
		return r, fmt.Errorf("refused as %v (event: %s), expected %s", r.Steps, r.Event.Data.Result.Message, code)
	case r.Steps[len(r.Steps)-1].Mend == "":
		return r, errors.New("the step that refuses has no mend")
	}
	return r, nil
}

// lastStory waits for the latest refusal of a subject and returns its code.
func (h *house) lastStory(subject string) (audit.Record, iam.Code) {
	h.t.Helper()
	var r audit.Record
	h.eventually("a refusal of "+subject+" is known", func() (ok bool) { r, ok = h.run.audit.LastFor(subject); return ok })
	if len(r.Steps) == 0 {
		h.t.Fatalf("no steps of %s", subject)
	}
	return r, r.Steps[len(r.Steps)-1].Code
}

// details are all faults of an error.
func details(err error) string {
	var b strings.Builder
	for _, e := range each(err) {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// accepts reports whether documents could come into force.
func (h *house) accepts(o houseOptions) error {
	h.t.Helper()
	ring := policy.NewKeyring(policy.KeyOptions{NamedInConfiguration: true})
	defer ring.Close()
	r := newRules(ring, slog.New(slog.DiscardHandler), h.options, func(fo files.Options) *files.Store {
		return files.Memory(map[string][]byte{"identity.yaml": []byte(h.text(o))}, fo)
	})
	return r.load(h.t.Context())
}
