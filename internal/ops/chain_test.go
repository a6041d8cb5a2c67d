package ops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klammhq/klamm/internal/auditlog"
	"github.com/klammhq/klamm/internal/authn"
	"github.com/klammhq/klamm/internal/fault"
	"github.com/klammhq/klamm/internal/guard"
	"github.com/klammhq/klamm/internal/iam"
	"github.com/klammhq/klamm/internal/jwt"
	"github.com/klammhq/klamm/internal/ops"
	"github.com/klammhq/klamm/internal/policy"
	"github.com/klammhq/klamm/internal/secret"
)

const issuer = "https://issuer.example"

func identityDocuments(generation uint64, jwks, filter string) *iam.Snapshot {
	return &iam.Snapshot{
		Generation:   generation,
		Organization: iam.Organization{ID: "6a4e3a2c", Environment: "env-prod"},
		Providers:    map[string]iam.Provider{"op-a": {ID: "op-a", Issuer: issuer, JWKSURI: jwks, Audiences: []string{"kafka"}}},
		Pools:        map[string]iam.Pool{"pool-a": {ID: "pool-a", Provider: "op-a", Filter: filter}},
		Bindings: map[string]iam.Binding{"rb-1": {ID: "rb-1", Principal: "User:pool-a", Role: "DeveloperWrite",
			On: iam.Pattern{Organization: "6a4e3a2c", Environment: "env-prod", Cluster: "lkc-a", Type: iam.Topic, Name: "orders.", Prefix: true}}},
	}
}

// The whole chain with nothing in it made for the test: a real token, a key set
// behind HTTP, filters, roles, the audit file, explain. Somewhere in each of
// them a token could get out; none does.
func TestFromTokenToExplain(t *testing.T) {
	key, err := jwt.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	var published atomic.Value // the provider's key set
	published.Store([]byte(jwt.MarshalSet(key.JWK(nil))))
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(published.Load().([]byte))
	}))
	defer provider.Close()
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := auditlog.Open(auditlog.Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ring := policy.NewKeyring(policy.KeyOptions{Lab: true})
	defer ring.Close()
	var rules policy.Current
	enforce := func(generation uint64, filter string) {
		t.Helper()
		p, _, err := policy.Compile(identityDocuments(generation, provider.URL, filter), ring, authn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rules.Swap(p)
	}
	enforce(1, `"Kafka.Write" in claims.roles`)
	door := guard.New(guard.Config{Authenticator: &rules, Authorizer: &rules, Sink: log})
	web := ops.New(ops.Config{Records: log, Sessions: door, RefreshKeys: func(ctx context.Context, provider string) (int, error) {
		gone, err := ring.Refresh(ctx, provider)
		if err != nil {
			return 0, err
		}
		return door.WithdrawKeys(provider, gone), nil
	}})

	var tokens []string
	var seen strings.Builder
	login := func(roles ...string) (*guard.Session, error) {
		token, err := key.Sign(nil, map[string]any{"iss": issuer, "aud": "kafka", "sub": "app-1", "roles": roles, "exp": time.Now().Add(time.Hour).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, strings.Split(token, ".")...)
		return door.Open(context.Background(), guard.Origin{IP: "127.0.0.1", Port: 40123, Connection: "c-1", Surface: "SASL_SSL/OAUTHBEARER", ClientID: "producer-1"},
			iam.Credential{Mechanism: "OAUTHBEARER", Token: secret.New(token), Cluster: "lkc-a", LogicalCluster: "lkc-a", PoolSelection: "pool-a"})
	}
	explain := func(target string, want ...string) {
		t.Helper()
		text := ask(web, "GET", target, "").Body.String()
		seen.WriteString(text)
		seen.WriteString(ask(web, "GET", target, "application/json").Body.String())
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q:\n%s", target, w, text)
			}
		}
	}
	ref := func(err error) string {
		t.Helper()
		r, ok := errors.AsType[*guard.Refusal](err)
		if !ok {
			t.Fatalf("no refusal: %v", err)
		}
		seen.WriteString(err.Error() + fault.Detail(err) + fmt.Sprintf("%+v", r))
		return r.Ref
	}

	_, err = login("Kafka.Read")
	explain("/explain/"+ref(err), "✓ signature", "✓ audience", "✗ pool pool-a", "Kafka.Read", "claim     app-1", "refused as filter-false")
	explain("/explain?principal=User:pool-a&last", "filter-false")

	session, err := login("Kafka.Write")
	if err != nil {
		t.Fatal(err)
	}
	call := guard.Call{Method: "kafka.Produce", ClientID: "producer-1", Correlation: 7}
	write := func(topic string) error {
		return session.Allow(call, iam.Action{Op: iam.Write, On: iam.Resource{Type: iam.Topic, Name: topic}})
	}
	if err := write("orders.new"); err != nil {
		t.Fatal(err)
	}
	explain("/explain/"+ref(write("secrets")), "Write on Topic secrets", "User:pool-a", "enough would be", "DeveloperWrite", "missing-role-binding")
	explain("/explain?principal=producer-1&last", "secrets")
	explain("/explain?principal=app-1&last", "secrets")
	seen.WriteString(ask(web, "GET", "/sessions", "").Body.String())

	enforce(2, `"Kafka.Admin" in claims.roles`)
	if n := door.Reassess(); n != 1 {
		t.Errorf("%d sessions were cut", n)
	}
	select {
	case <-session.Done():
	default:
		t.Error("an open session outlives its pool's filter")
	}
	explain("/explain?principal=app-1&last", "session cut  ref=", "✗ pool pool-a", "Kafka.Admin", "User:pool-a")

	enforce(3, `"Kafka.Write" in claims.roles`)
	if session, err = login("Kafka.Write"); err != nil {
		t.Fatal(err)
	}
	refresh := func(want string) {
		t.Helper()
		if w := ask(web, "POST", "/keys/op-a/refresh", ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	refresh("sessions ended: 0")
	other, err := jwt.GenerateRSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	published.Store([]byte(jwt.MarshalSet(other.JWK(nil))))
	refresh("sessions ended: 1")
	select {
	case <-session.Done():
	default:
		t.Error("an open session outlives its key")
	}
	explain("/explain?principal=app-1&last", "session cut  ref=", "its key was withdrawn")

	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + ".steps"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(b)
	}
	for _, part := range tokens {
		if strings.Contains(seen.String(), part) {
			t.Errorf("a part of a token got out: %s", part)
		}
	}
}
