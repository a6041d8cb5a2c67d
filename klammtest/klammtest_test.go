package klammtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/klammhq/klamm/klammtest"
	"github.com/klammhq/klamm/token"
	"github.com/klammhq/klamm/token/franz"
)

// patience is how long anything here may take.
const patience = time.Minute

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// connect makes a client that logs in with source as who.
func connect(t testing.TB, lab *klammtest.Lab, who klammtest.Identity, source token.Source) *kgo.Client {
	t.Helper()
	login, err := franz.Mechanism(source, who.Extensions)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(lab.Bootstrap), kgo.DialTLSConfig(lab.TLS()), kgo.SASL(login), kgo.ClientID("klammtest"),
		kgo.RequestRetries(2), kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond }),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func login(t testing.TB, lab *klammtest.Lab, who klammtest.Identity) *kgo.Client {
	t.Helper()
	client := connect(t, lab, who, token.Cached(who))
	if err := client.Ping(within(t)); err != nil {
		t.Fatalf("%s cannot log in: %v", who.ClientID, err)
	}
	return client
}

func produce(t testing.TB, client *kgo.Client, topic string) error {
	return client.ProduceSync(within(t), &kgo.Record{Topic: topic, Value: []byte("a record")}).FirstErr()
}

// event is what is looked at of an audit event.
type event struct {
	ID, Type string
	Data     struct {
		AuthenticationInfo struct{ Principal string }
		AuthorizationInfo  *struct {
			Granted      bool
			ResourceName string
		}
		Result *struct{ Status string }
	}
}

func events(t testing.TB, lab *klammtest.Lab) (list []event) {
	t.Helper()
	for _, raw := range lab.Events() {
		var e event
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		list = append(list, e)
	}
	return list
}

func everybody(lab *klammtest.Lab) []klammtest.Identity {
	return append([]klammtest.Identity{lab.ManagedIdentity, lab.Application, lab.Okta}, slices.Collect(maps.Values(lab.OIDC))...)
}

func TestEverybodyLogsIn(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	if len(lab.OIDC) != 3 {
		t.Errorf("servers of other shapes: %v", lab.OIDC)
	}
	for _, who := range everybody(lab) {
		if err := produce(t, login(t, lab, who), lab.Topic); err != nil {
			t.Errorf("%s: %v", who.ClientID, err)
		}
		known := slices.ContainsFunc(events(t, lab), func(e event) bool {
			return e.Data.AuthenticationInfo.Principal == "User:"+who.Pool && e.Data.Result != nil && e.Data.Result.Status == "SUCCESS"
		})
		if !known {
			t.Errorf("no event tells that %s logged in: %s", who.Pool, lab.Events())
		}
	}
}

func TestForbiddenTopicIsExplained(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	client := login(t, lab, lab.ManagedIdentity)
	if _, ok := lab.Explain("User:pool-orders"); ok || len(lab.Refusals()) != 0 {
		t.Errorf("refusals before anybody was refused: %+v", lab.Refusals())
	}
	err := produce(t, client, lab.ForbiddenTopic)
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Fatalf("produced to %s: %v", lab.ForbiddenTopic, err)
	}
	r, ok := lab.Explain("User:" + lab.ManagedIdentity.Pool)
	if !ok || r.Code != "missing-role-binding" || len(r.Steps) == 0 || !strings.Contains(r.Text, r.Ref) {
		t.Fatalf("explained as %+v, %v", r, ok)
	}
	if again, ok := lab.Explain("the client says (ref=" + r.Ref + ")"); !ok || again.Text != r.Text {
		t.Errorf("by its reference it is %+v, %v", again, ok)
	}
	if list := lab.Refusals(); len(list) == 0 || list[len(list)-1].Ref != r.Ref {
		t.Errorf("the last refusal is missing in %+v", list)
	}
	told := slices.ContainsFunc(events(t, lab), func(e event) bool {
		a := e.Data.AuthorizationInfo
		return e.ID == r.Ref && a != nil && !a.Granted && a.ResourceName == lab.ForbiddenTopic
	})
	if !told {
		t.Errorf("no event of the refusal: %s", lab.Events())
	}
}

func TestSetIdentityEndsSessions(t *testing.T) {
	t.Parallel()
	lab, other := klammtest.Start(t), klammtest.Start(t)
	client, elsewhere := login(t, lab, lab.Okta), login(t, other, other.Okta)
	if err := lab.SetIdentity("kind: Pool"); err == nil || !strings.Contains(err.Error(), "identity:1:1") {
		t.Errorf("a fault without its place: %v", err)
	}
	if err := produce(t, client, lab.Topic); err != nil {
		t.Fatalf("documents with a fault changed something: %v", err)
	}
	const nobody = "{kind: Organization, id: 6a4e3a2c-0b0f-4a65-9a4e-3f1d5d0c7e21, environment: env-lab}"
	for range 2 { // the same again is no fault
		if err := lab.SetIdentity(nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Ping(within(t)); err == nil {
		t.Error("a client of a pool that is gone is served")
	}
	if err := produce(t, elsewhere, other.Topic); err != nil {
		t.Errorf("another lab has changed as well: %v", err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	if lab.RemoveOldKey() == nil {
		t.Error("a key was removed that signs")
	}
	old, err := lab.Application.Token(within(t))
	if err != nil {
		t.Fatal(err)
	}
	before := token.SourceFunc(func(context.Context) (token.Token, error) { return old, nil })
	if err := connect(t, lab, lab.Application, before).Ping(within(t)); err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		for _, step := range []func() error{lab.PublishKey, lab.SignWithNewKey, lab.RemoveOldKey} {
			if err := step(); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		login(t, lab, lab.Application)
	}
	if lab.SignWithNewKey() == nil {
		t.Error("a rotation went on that had not begun")
	}
	err = connect(t, lab, lab.Application, before).Ping(within(t))
	if err == nil {
		t.Fatal("a token of a removed key is let in")
	}
	if r, ok := lab.Explain(err.Error()); !ok || r.Code != "unknown-key" {
		t.Errorf("refused as %q, %v", r.Code, ok)
	}
}

// TestRefreshKeys: an open session outlives its key until an operator has the
// keys fetched.
func TestRefreshKeys(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	client := login(t, lab, lab.Application)
	for _, step := range []func() error{lab.PublishKey, lab.SignWithNewKey, lab.RemoveOldKey} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := produce(t, client, lab.Topic); err != nil {
		t.Fatalf("before anybody has fetched the keys: %v", err)
	}
	for _, want := range []int{len(events(t, lab)), 0} {
		ended, err := lab.RefreshKeys("op-entra")
		if err != nil || ended > want || want > 0 && ended == 0 {
			t.Errorf("%d sessions ended, expected at most %d and none a second time: %v", ended, want, err)
		}
	}
	if r, ok := lab.Explain("User:" + lab.Application.Pool); !ok || r.Code != "key-withdrawn" {
		t.Errorf("explained as %q, %v", r.Code, ok)
	}
	if _, err := lab.RefreshKeys("op-nobody"); err == nil || !strings.Contains(err.Error(), "op-nobody") {
		t.Errorf("the keys of a provider that is not there: %v", err)
	}
}

// TestAppService asks as Azure's SDKs do.
func TestAppService(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	endpoint := lab.AppService["IDENTITY_ENDPOINT"] + "?" + url.Values{"api-version": {"2019-08-01"}, "resource": {lab.Env["KAFKA_RESOURCE"]}, "client_id": {lab.ManagedIdentity.ClientID}}.Encode()
	for header, want := range map[string]int{lab.AppService["IDENTITY_HEADER"]: http.StatusOK, "another": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(within(t), http.MethodGet, endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-IDENTITY-HEADER", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("answered %s, expected %d", resp.Status, want)
		}
	}
}

// TestTwentyLabsAtOnce: each has its own clients, keys, documents and events.
func TestTwentyLabsAtOnce(t *testing.T) {
	t.Parallel()
	const nobody = "{kind: Organization, id: 6a4e3a2c-0b0f-4a65-9a4e-3f1d5d0c7e21, environment: env-lab}"
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			t := aside{t}
			lab := klammtest.Start(t)
			for _, who := range everybody(lab) {
				if err := produce(t, connect(t, lab, who, who), lab.Topic); err != nil {
					t.Errorf("lab %d: %s: %v", i, who.ClientID, err)
				}
			}
			if refused := lab.Refusals(); len(refused) != 0 {
				t.Errorf("lab %d: refused %+v", i, refused)
			}
			if i%2 == 0 {
				return
			}
			err := errors.Join(lab.PublishKey(), lab.SignWithNewKey(), lab.SetIdentity(nobody))
			if err != nil {
				t.Errorf("lab %d: %v", i, err)
			}
			err = connect(t, lab, lab.Application, lab.Application).Ping(within(t))
			if err == nil {
				t.Errorf("lab %d: let in without a provider", i)
				return
			}
			if r, ok := lab.Explain(err.Error()); !ok || r.Code != "unknown-issuer" || len(lab.Refusals()) == 0 {
				t.Errorf("lab %d: refused as %q: %v", i, r.Code, err)
			}
		})
	}
	all.Wait()
}

// aside is a test in a goroutine of its own, which alone a fault ends.
type aside struct{ *testing.T }

func (a aside) Fatal(args ...any)                 { a.Error(args...); runtime.Goexit() }
func (a aside) Fatalf(format string, args ...any) { a.Errorf(format, args...); runtime.Goexit() }

func TestFaults(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	if err := lab.Okta.Fault(`{"stauts": 500}`); err == nil || !strings.Contains(err.Error(), "stauts") {
		t.Errorf("a fault that is none: %v", err)
	}
	if err := lab.Application.Fault(`{"status": 500, "times": 1}`); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Application.Token(within(t)); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("the token endpoint does not fail: %v", err)
	}
	login(t, lab, lab.Application)

	source := token.Cached(lab.Okta)
	if _, err := source.Token(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := lab.Okta.Fault(`{"status": 503}`); err != nil {
		t.Fatal(err)
	}
	client := connect(t, lab, lab.Okta, source)
	err := client.Ping(within(t))
	if err == nil {
		t.Fatal("let in without a key set")
	}
	if r, ok := lab.Explain(err.Error()); !ok || r.Code != "keys-unavailable" {
		t.Errorf("refused as %q: %v", r.Code, err)
	}
	if err := lab.Okta.Fault(""); err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(within(t)); err != nil {
		t.Errorf("the fault has not ended: %v", err)
	}
}

// TestFaultsOfTokens: a provider whose clock is wrong, and one whose tokens
// cannot be read.
func TestFaultsOfTokens(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t)
	who := lab.OIDC["keycloak"]
	for _, c := range []struct{ fault, code, mend string }{
		{`{"clock": "10m"}`, "not-yet-valid", "klamm's clock is behind or the provider's is ahead"},
		{`{"clock": "-2h"}`, "expired", "klamm's clock is ahead or the provider's is behind"},
	} {
		if err := who.Fault(c.fault); err != nil {
			t.Fatal(err)
		}
		err := connect(t, lab, who, who).Ping(within(t))
		if err == nil {
			t.Fatalf("%s: let in", c.fault)
		}
		if r, ok := lab.Explain(err.Error()); !ok || r.Code != c.code || !strings.Contains(r.Steps[len(r.Steps)-1].Mend, c.mend) {
			t.Errorf("%s: refused as %q: %s", c.fault, r.Code, r.Text)
		}
	}
	if err := who.Fault(`{"opaque": true}`); err != nil {
		t.Fatal(err)
	}
	if _, err := who.Token(within(t)); err == nil {
		t.Error("an opaque token is taken for a JWT")
	}
	if err := who.Fault(`{"status": 503, "path": "/certs"}`); err != nil {
		t.Fatal(err)
	}
	err := connect(t, lab, who, who).Ping(within(t)) // whose token endpoint is well
	if err == nil {
		t.Fatal("let in without a key set")
	}
	if r, ok := lab.Explain(err.Error()); !ok || r.Code != "keys-unavailable" {
		t.Errorf("without a key set: refused as %q: %v", r.Code, err)
	}
	if err := who.Fault(""); err != nil {
		t.Fatal(err)
	}
	login(t, lab, who)
}

func TestTokenLifetime(t *testing.T) {
	t.Parallel()
	lab := klammtest.Start(t, klammtest.TokenLifetime(20*time.Second))
	for _, who := range everybody(lab) {
		begin := time.Now()
		tok, err := who.Token(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if tok.Reveal() == "" || tok.Expires.Before(begin.Add(18*time.Second)) || tok.Expires.After(time.Now().Add(21*time.Second)) {
			t.Errorf("a token of %s ends at %s, made at %s", who.ClientID, tok.Expires, begin)
		}
	}
}

func TestWorld(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../internal/lab/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	mine := strings.NewReplacer("lkc-lab", "lkc-mine", "payroll", "salaries", "lab-billing-secret", "another").Replace(string(text))
	lab := klammtest.Start(t, klammtest.World(mine))
	if lab.Cluster != "lkc-mine" || lab.ForbiddenTopic != "salaries" || lab.Env["OAUTH_CLIENT_SECRET"] != "another" {
		t.Errorf("started %s with %s", lab.Cluster, lab.ForbiddenTopic)
	}
	login(t, lab, lab.Application)
}

// TestGroupOverage: a client in a group is let in by it, until Entra ID leaves
// the groups out of its token because they are too many.
func TestGroupOverage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../internal/lab/lab.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const asks = "access_token_version: 2\n"
	world := strings.Replace(string(text), asks, asks+"      group_membership_claims: SecurityGroup\n", 1)
	world = strings.Replace(world, `claims.azp == "5c8f7a35-3c0e-4c13-9e86-6bb16cb1dd5b"`, `"5f0b7d7c-8a38-4c55-9a57-3f2f4c1a6e0d" in claims.groups`, 1)
	few := klammtest.Start(t, klammtest.World(world))
	login(t, few, few.Application)

	var more strings.Builder
	for i := range 200 {
		fmt.Fprintf(&more, "    - {name: group-%d, members: [billing]}\n", i)
	}
	world = strings.Replace(world, "    - name: kafka-writers\n", more.String()+"    - name: kafka-writers\n", 1)
	many := klammtest.Start(t, klammtest.World(world))
	err = connect(t, many, many.Application, many.Application).Ping(within(t))
	if err == nil {
		t.Fatal("let in without groups")
	}
	if r, ok := many.Explain(err.Error()); !ok || r.Code != "filter-error" || !strings.Contains(r.Text, "(overage)") {
		t.Errorf("refused as %q: %s", r.Code, r.Text)
	}
}

func TestBadStartEndsTheTest(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]klammtest.Option{
		"world.yaml:2:1": klammtest.World("version: 1\nclutser: {}\n"),
		"whole seconds":  klammtest.TokenLifetime(time.Millisecond),
	} {
		fake := &ended{}
		func() {
			defer func() { _ = recover() }()
			klammtest.Start(fake, opt)
		}()
		if !strings.Contains(fake.fatal, name) || len(fake.cleanups) != 0 {
			t.Errorf("ended with %q, %d cleanups; expected %q", fake.fatal, len(fake.cleanups), name)
		}
	}
}

// TestNothingIsLeft runs alone, before the parallel ones: it counts goroutines.
func TestNothingIsLeft(t *testing.T) {
	round := func() *klammtest.Lab {
		fake := &ended{}
		defer fake.end()
		lab := klammtest.Start(fake)
		client := connect(t, lab, lab.Application, lab.Application)
		if err := client.Ping(within(t)); err != nil {
			t.Fatal(err)
		}
		client.Close()
		return lab
	}
	round()
	before := runtime.NumGoroutine()
	lab := round()
	if conn, err := net.Dial("tcp", lab.Bootstrap); err == nil {
		_ = conn.Close()
		t.Error("the gateway still listens")
	}
	if _, err := os.Stat(lab.Env["KAFKA_CA_FILE"]); !os.IsNotExist(err) {
		t.Errorf("the CA's file is left: %v", err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; <-tick.C {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// ended is a test that Start may end.
type ended struct {
	example
	fatal string
}

func (e *ended) Fatalf(format string, args ...any) {
	e.fatal = fmt.Sprintf(format, args...)
	panic(e.fatal)
}

// TestDocumentation wants the Go code of docs/testing.md to be that of Example.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(source), "\nfunc Example() {\n")
	code, _, ends := strings.Cut(code, "\t// Output:")
	_, shown, fenced := strings.Cut(string(page), "```go\nfunc TestOrders(t *testing.T) {\n")
	shown, rest, closed := strings.Cut(shown, "}\n```\n")
	if !found || !ends || !fenced || !closed || shown != code {
		t.Errorf("docs/testing.md shows\n%s\nthe example is\n%s", shown, code)
	}
	if strings.Contains(rest, "```go") {
		t.Error("docs/testing.md has Go code that is not tested")
	}
}

// BenchmarkStart is what a test pays for a lab, its end included; the keys of
// the process are made before.
func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	first := &example{}
	klammtest.Start(first)
	first.end()
	for b.Loop() {
		one := &example{}
		klammtest.Start(one)
		one.end()
	}
}
